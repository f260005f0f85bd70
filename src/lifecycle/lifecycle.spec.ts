import { EventEmitter, once } from 'node:events';
import { Controller, Get, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigModule } from '../config/config.module.js';
import { testConfig } from '../config/testing/test-config.js';
import { HTTP_OPTIONS, createHttpAdapter } from '../http/fastify-adapter.js';
import { HttpServerModule } from '../http/http-server.module.js';
import { Logs } from '../telemetry/logs.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { LifecycleModule } from './lifecycle.module.js';
import { crashOnUncaught, endOnSignals } from './process-signals.js';
import { SHUTDOWN_PHASES, ShutdownService } from './shutdown.service.js';

const NEVER = new Promise<void>(() => undefined);

function service(graceS = '20'): ShutdownService {
  return new ShutdownService(testConfig({ SHUTDOWN_GRACE_S: graceS }), Logs.silent());
}

describe('ShutdownService', () => {
  it('is over at once when there is nothing to do', async () => {
    const shutdown = service();
    expect(shutdown.state).toBe('running');
    const began = performance.now();
    await expect(shutdown.begin('test')).resolves.toEqual({ clean: true, forced: [] });
    expect(performance.now() - began).toBeLessThan(250);
    expect(shutdown.state).toBe('closed');
  });

  it('goes through the phases in order, whatever the order of registration, and waits for each', async () => {
    const shutdown = service();
    const seen: string[] = [];
    for (const phase of [...SHUTDOWN_PHASES].reverse()) {
      shutdown.register(phase, 'part', async () => {
        seen.push(`${phase} begins in ${shutdown.state}`);
        await new Promise(setImmediate);
        seen.push(`${phase} ends`);
      });
    }
    await shutdown.begin('test');
    expect(seen).toEqual(SHUTDOWN_PHASES.flatMap((phase) => [`${phase} begins in draining`, `${phase} ends`]));
  });

  it('leaves behind what does not finish, and gives later phases their time nevertheless', async () => {
    const shutdown = service('0');
    let stored = false;
    shutdown.register('deliveries', 'stuck', () => NEVER);
    shutdown.register('storage', 'database', async (deadline) => {
      expect(deadline.remainingMs()).toBeGreaterThan(100);
      await new Promise(setImmediate);
      stored = true;
    });
    await expect(shutdown.begin('test')).resolves.toEqual({ clean: false, forced: ['deliveries/stuck'] });
    expect(stored).toBe(true);
  });

  it('survives steps that fail, before or after their first await', async () => {
    const shutdown = service();
    shutdown.register('sources', 'rejects', () => Promise.reject(new Error('late')));
    shutdown.register('sources', 'throws', () => {
      throw new Error('early');
    });
    const { forced } = await shutdown.begin('test');
    expect([...forced].sort()).toEqual(['sources/rejects', 'sources/throws']);
  });

  it('happens once, and takes no steps after it began', async () => {
    const shutdown = service();
    let runs = 0;
    shutdown.register('intake', 'count', () => {
      runs += 1;
      return Promise.resolve();
    });
    await Promise.all([shutdown.begin('one'), shutdown.begin('two')]);
    expect(runs).toBe(1);
    expect(() => {
      shutdown.register('intake', 'late', () => NEVER);
    }).toThrow('when the shutdown had begun');
  });
});

const bus = new EventEmitter();

@Controller('work')
class Work {
  @Get()
  read(): string {
    return 'read';
  }

  @Post()
  async write(): Promise<string> {
    const finished = once(bus, 'finish');
    bus.emit('started');
    await finished;
    return 'written';
  }

  @Post('fail')
  fail(): never {
    throw new Error('failed');
  }
}

async function start(): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({
    imports: [ConfigModule.forRoot(testConfig()), TelemetryModule, HttpServerModule, LifecycleModule],
    controllers: [Work],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(), {
    ...HTTP_OPTIONS,
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  return app;
}

class FakeProcess extends EventEmitter {
  readonly codes: number[] = [];

  exit(code: number): void {
    this.codes.push(code);
    this.emit('exited');
  }
}

describe('requests during a shutdown', () => {
  it('finishes those under way, refuses new ones, still answers reads', async () => {
    const app = await start();
    const url = `${await app.getUrl()}/work`;
    const started = once(bus, 'started');
    const underWay = fetch(url, { method: 'POST' });
    await started;
    const down = app.get(ShutdownService).begin('test');
    const refused = await fetch(url, { method: 'POST' });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'shutdown.in-progress' });
    expect(await (await fetch(url)).text()).toBe('read');
    expect(app.get(ShutdownService).state).toBe('draining');
    bus.emit('finish');
    expect(await (await underWay).text()).toBe('written');
    await expect(down).resolves.toEqual({ clean: true, forced: [] });
    await app.close();
  });

  it('does not wait for those that failed, or whose caller went away', async () => {
    const app = await start();
    const url = `${await app.getUrl()}/work`;
    expect((await fetch(`${url}/fail`, { method: 'POST' })).status).toBe(500);
    const started = once(bus, 'started');
    const abort = new AbortController();
    const gone = fetch(url, { method: 'POST', signal: abort.signal });
    await started;
    abort.abort();
    await expect(gone).rejects.toThrow('aborted');
    bus.emit('finish');
    await expect(app.get(ShutdownService).begin('test')).resolves.toEqual({ clean: true, forced: [] });
    await app.close();
  });

  it('closing the application goes down the ladder too', async () => {
    const app = await start();
    let closed = false;
    app.get(ShutdownService).register('storage', 'database', () => {
      closed = true;
      return Promise.resolve();
    });
    await app.close();
    expect(closed).toBe(true);
  });
});

describe('signals', () => {
  it('the first ends the process in order, with 0, and takes the listeners off', async () => {
    const app = await start();
    const target = new FakeProcess();
    endOnSignals(app, target);
    const exited = once(target, 'exited');
    target.emit('SIGTERM');
    await exited;
    expect(target.codes).toEqual([0]);
    expect(app.get(ShutdownService).state).toBe('closed');
    expect(target.listenerCount('SIGTERM') + target.listenerCount('SIGINT')).toBe(0);
  });

  it('the second ends it at once, with 1', async () => {
    const app = await start();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    app.get(ShutdownService).register('deliveries', 'busy', () => held);
    const target = new FakeProcess();
    endOnSignals(app, target);
    target.emit('SIGINT');
    target.emit('SIGTERM');
    expect(target.codes).toEqual([1]);
    const exited = once(target, 'exited');
    release();
    await exited;
  });

  it('something left behind is told by exit code 1', async () => {
    const app = await start();
    app.get(ShutdownService).register('sources', 'broken', () => Promise.reject(new Error('no')));
    const target = new FakeProcess();
    endOnSignals(app, target);
    const exited = once(target, 'exited');
    target.emit('SIGTERM');
    await exited;
    expect(target.codes).toEqual([1]);
  });

  it('an error that nobody caught is logged without what hangs on it, and ends the process', () => {
    const lines: string[] = [];
    const logs = Logs.to({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) });
    const target = new FakeProcess();
    const remove = crashOnUncaught(logs, target);
    target.emit(
      'uncaughtException',
      Object.assign(new Error('lost'), { config: { headers: { Authorization: 'hush' } } }),
    );
    expect(target.codes).toEqual([1]);
    expect(lines.join('')).toContain('lost');
    expect(lines.join('')).not.toContain('hush');
    remove();
    expect(target.eventNames()).toEqual([]);
  });
});
