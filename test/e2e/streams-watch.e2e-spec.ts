import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { startSimulator, type Simulator } from '../../simulator/index.js';
import { createGateway } from '../../src/bootstrap.js';
import { parseEnvironment } from '../../src/config/environment.js';
import { freshTarget } from '../helpers/databases.js';
import { gatewayEnvironment, KEYS } from '../helpers/environment.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

const WATCH = new URL('../../dist/scripts/watch.js', import.meta.url).pathname;

/** `npm run watch`, as npm runs it. */
class Watch {
  out = '';
  err = '';
  readonly exited: Promise<number | null>;
  private readonly child: ChildProcess;
  private readonly watchers = new Set<() => void>();

  constructor(args: string[], environment: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [WATCH, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Buffer) => this.look((this.out += chunk.toString())));
    this.child.stderr?.on('data', (chunk: Buffer) => this.look((this.err += chunk.toString())));
    this.exited = (once(this.child, 'close') as Promise<[number | null]>).then(([code]) => code);
  }

  get lines(): string[] {
    return this.out.split('\n').slice(0, -1);
  }

  async until(condition: () => boolean, timeoutMs = 15_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
        settle();
      };
      const look = (): void => (condition() ? done(resolve) : undefined);
      const fail = (): void => done(() => reject(new Error(`not so: ${String(condition)}\n${this.out}\n${this.err}`)));
      const timer = setTimeout(fail, timeoutMs);
      this.watchers.add(look);
      void this.exited.then(fail);
      look();
    });
  }

  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }

  /** Hangs up on its output, as `| head` does. */
  closeOutput(): void {
    this.child.stdout?.destroy();
  }

  private look(_text: string): void {
    for (const watch of [...this.watchers]) watch();
  }
}

describe('npm run watch', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let watches: Watch[];
  let id: string;

  beforeEach(async () => {
    id = randomUUID();
    watches = [];
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target);
  });

  afterEach(async () => {
    await Promise.all(watches.map((watch) => watch.end('SIGKILL')));
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  function watch(args: string[], environment?: Record<string, string>): Watch {
    const started = new Watch(args, environment);
    watches.push(started);
    return started;
  }

  const usual = (): string[] => ['--conversation', id, '--url', gateway.url];
  const ready = (started: Watch): Promise<void> => started.until(() => started.err.includes('ready:'));

  it('prints a line for each event, and ends cleanly with Ctrl-C', async () => {
    const started = watch([...usual(), '--type', 'attributes,acw', '--exclude', 'ani', '--key', KEYS.publish]);
    await ready(started);
    simulator.genesys.conversations.setAttributes(id, { note: 'two words\u001b[2J\u202e\n', n: '7' });
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'done' });
    await started.until(() => started.lines.length === 2);
    const [attributes, acw] = started.lines as [string, string];
    expect(attributes).toMatch(
      new RegExp(
        `^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ${id} attributes      attributes=\\{.* participantId=\\S+$`,
      ),
    );
    expect(attributes).toContain('"two words\\u001b[2J\\u202e\\n"');
    expect(acw).toContain(' wrapupCode=done ');
    expect(acw).not.toContain('ani=');
    expect(await started.end()).toBe(0);
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === 0);
  });

  it('prints one line for each event, with the time once and nothing empty', async () => {
    const started = watch([...usual(), '--key', KEYS.publish]);
    await ready(started);
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'done' });
    await started.until(() => started.lines.some((line) => / acw /.test(line)));
    expect(started.lines.map((line) => line.split(/ +/)[2])).toEqual([
      ...['customer.start', 'flow.start', 'flow.end', 'acd.start', 'acd.end', 'user.start'],
      ...['user.end', 'customer.end', 'wrapup', 'acw'],
    ]);
    for (const line of started.lines) expect(line).not.toMatch(/eventTime|\[\]|DurationMs=0/);
  });

  it('prints JSON, and takes the key from GATEWAY_KEY', async () => {
    const started = watch([...usual(), '--json', '--include', 'wrapupCode'], { GATEWAY_KEY: KEYS.admin });
    await ready(started);
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'done' });
    await started.until(() => started.out.includes('"acw"'));
    const last = JSON.parse(started.lines.at(-1)!) as unknown;
    expect(last).toEqual({ conversationId: id, eventType: 'acw', timestamp: expect.any(String), wrapupCode: 'done' });
    expect(await started.end('SIGTERM')).toBe(0);
  });

  it('connects again when the gateway comes back', async () => {
    const started = watch([...usual(), '--type', 'acw', '--key', KEYS.publish]);
    await ready(started);
    const port = Number(new URL(gateway.url).port);
    await gateway.stop();
    await started.until(() => started.err.includes('connecting again in'));
    expect(started.err).toContain('This instance is shutting down; open the stream again.');
    const app = await createGateway(parseEnvironment(gatewayEnvironment(simulator, database.target)));
    await app.listen(port, '127.0.0.1');
    gateway = { ...gateway, stop: () => app.close() };
    await started.until(() => started.err.includes('connected again; what happened meanwhile is not repeated'));
    await started.until(() => started.err.split('ready:').length === 3);
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'after' });
    await started.until(() => started.lines.length === 1);
    expect(await started.end()).toBe(0);
  });

  it('ends when nobody reads it', async () => {
    const started = watch([...usual(), '--type', 'attributes', '--key', KEYS.publish]);
    await ready(started);
    started.closeOutput();
    simulator.genesys.conversations.setAttributes(id, { n: '1' });
    expect(await started.exited).toBe(0);
  });

  it.each<[name: string, args: () => string[], code: number, said: RegExp]>([
    ['no gateway', () => ['--conversation', id, '--url', 'http://127.0.0.1:1'], 1, /^There is no gateway at http:\/\/127\.0\.0\.1:1 \(.*\)\.\nStart one with `npm start`/],
    ['no key', () => usual(), 1, /^This request has no API key.*\nGive the key with --key or GATEWAY_KEY\.\n$/],
    ['a wrong key', () => [...usual(), '--key', 'nobody-key-0123'], 1, /^The API key of this request is not known.*\nCheck the key/],
    ['a key without the role', () => [...usual(), '--key', KEYS.intake], 1, /^This needs one of the roles publish, admin/],
    ['no conversation', () => ['--url', gateway.url, '--key', KEYS.publish], 1, /^conversationId is required.*\nSee `npm run watch -- --help`\.\n$/],
    ['a wrong id', () => ['--conversation', 'x', '--url', gateway.url, '--key', KEYS.publish], 1, /^conversationId must be UUIDs.*not "x"/],
    ['an unknown option', () => ['--colour'], 2, /^Unknown option '--colour'[^]*See --help\.\n$/],
    ['no address', () => ['--url', 'nowhere'], 2, /^--url takes the address of a gateway/],
  ])('says what is wrong: %s', async (_, args, code, said) => {
    const started = watch(args());
    expect(await started.exited).toBe(code);
    expect(started.err).toMatch(said);
    expect(started.out).toBe('');
  }); // prettier-ignore

  it('explains itself', async () => {
    const started = watch(['--help']);
    expect(await started.exited).toBe(0);
    for (const option of ['--conversation', '--type', '--include', '--exclude', '--url', '--key', '--json'])
      expect(started.out).toContain(`  ${option} `);
  });
});
