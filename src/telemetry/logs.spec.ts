import { StorageUnavailableError } from '../storage/storage.errors.js';
import { Logs } from './logs.js';
import { OutageLog } from './outage-log.js';
import { NestLogger } from './nest-logger.js';

function collecting(
  format: 'json' | 'pretty' = 'json',
  level: 'debug' | 'info' = 'debug',
): { logs: Logs; lines: () => string[] } {
  const written: string[] = [];
  const logs = Logs.to({ level, format }, { write: (line) => void written.push(line) });
  return { logs, lines: () => written };
}

interface Line {
  level: string;
  time: string;
  component: string;
  msg: string;
  err?: { type: string; cause?: { message: string }; [key: string]: unknown };
  [key: string]: unknown;
}

const parsed = (lines: string[]): Line[] => lines.map((line) => JSON.parse(line) as Line);

describe('Logs', () => {
  it('writes one JSON line with an ISO time, a level by name, the component and its bindings', () => {
    const { logs, lines } = collecting();
    logs.of('channels', { channel: 'a1b2' }).info({ topics: 3 }, 'open');
    const [line] = parsed(lines());
    expect(line).toMatchObject({ level: 'info', component: 'channels', channel: 'a1b2', topics: 3, msg: 'open' });
    expect(new Date(line?.time ?? '').toISOString()).toBe(line?.time);
  });

  it('censors secrets at the top and up to two objects deep', () => {
    const { logs, lines } = collecting();
    const secret = 'correct-horse-battery';
    logs.of('x').info({
      token: secret,
      connectUri: secret,
      headers: { authorization: secret, 'x-api-key': secret },
      request: { headers: { Authorization: secret, 'x-api-key': secret } },
      body: { access_token: secret },
    });
    expect(lines().join('')).not.toContain(secret);
    expect(lines().join('')).toContain('[redacted]');
  });

  it("logs an error's causes, and none of the request that HTTP clients hang on it", () => {
    const { logs, lines } = collecting();
    const error = Object.assign(new Error('refused', { cause: new TypeError('socket hang up') }), {
      code: 'ECONNRESET',
      config: { headers: { Authorization: 'Bearer hush' }, data: 'a customer wrote this' },
    });
    logs.of('x').error({ err: error }, 'failed');
    const [line] = parsed(lines());
    expect(line?.err).toMatchObject({ message: 'refused', code: 'ECONNRESET', cause: { message: 'socket hang up' } });
    expect(lines().join('')).not.toMatch(/hush|customer wrote/);
  });

  it('stops at a loop of causes', () => {
    const { logs, lines } = collecting();
    const error = new Error('round');
    error.cause = error;
    logs.of('x').error({ err: error }, 'failed');
    expect(lines()).toHaveLength(1);
  });

  it('tells an outage once, without stacks, whoever stumbles over it how often', () => {
    const { logs, lines } = collecting('json', 'info');
    const away = () => new StorageUnavailableError('not there', { cause: new Error('ECONNREFUSED') });
    for (let attempt = 0; attempt < 100; attempt++) {
      logs.of('capture').warn({ err: away(), attempt }, 'not stored yet');
      logs.of('replica').error({ err: away() }, 'not renewed');
    }
    expect(parsed(lines()).map(({ component }) => component)).toEqual(['capture', 'replica']);
    expect(lines().join('')).not.toContain('    at ');
    expect(parsed(lines())[0]).toMatchObject({
      attempt: 0,
      cause: { code: 'storage.unavailable', message: 'not there' },
    });
  });

  it('says at debug what the log has been told by whom it concerns, and tells why the process ends', () => {
    const { logs, lines } = collecting('json', 'info');
    const away = new StorageUnavailableError('not there');
    away.told = true;
    const outage = new OutageLog(logs.of('replica'), 'the lease');
    logs.of('capture').warn({ err: away }, 'not stored yet');
    outage.failed(away);
    outage.recovered();
    expect(lines()).toEqual([]);
    logs.of('main').fatal({ err: away }, 'the gateway could not start');
    expect(parsed(lines()).at(-1)).toMatchObject({ level: 'fatal', component: 'main' });
  });

  it('tells each failure that is no outage, with its stack', () => {
    const { logs, lines } = collecting('json', 'info');
    for (let attempt = 0; attempt < 3; attempt++) logs.of('x').error({ err: new TypeError('a mistake') }, 'failed');
    expect(lines()).toHaveLength(3);
    expect(lines()[2]).toContain('    at ');
  });

  it('writes readable text when asked', () => {
    const { logs, lines } = collecting('pretty');
    logs.of('channels').warn({ topics: 3 }, 'full');
    expect(lines().join('')).toContain('channels: full');
    expect(() => void JSON.parse(lines()[0] ?? '')).toThrow();
  });

  it('is silent for tests', () => {
    expect(Logs.silent().of('x').isLevelEnabled('fatal')).toBe(false);
  });
});

describe('NestLogger', () => {
  it("takes Nest's context as component and keeps the stack", () => {
    const { logs, lines } = collecting();
    const nest = new NestLogger(logs);
    nest.error('broke', 'Error: broke\n    at here (file.ts:1:1)', 'ExceptionsHandler');
    nest.log('Mapped {/x, GET} route', 'RouterExplorer');
    const [error, route] = parsed(lines());
    expect(error).toMatchObject({ level: 'error', component: 'ExceptionsHandler', msg: 'broke' });
    expect(error?.stack).toContain('file.ts:1:1');
    expect(route).toMatchObject({ level: 'debug', component: 'RouterExplorer' });
  });
});
