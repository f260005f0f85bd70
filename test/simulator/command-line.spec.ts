import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { parseEnvironment } from '../../src/config/environment.js';
import { parseCommandLine, usage, UsageError } from '../../simulator/command-line.js';

describe('command line', () => {
  it('has ports next to each other by default, and free ones for --port 0', () => {
    expect(parseCommandLine([]).simulator.ports).toEqual({ control: 4010, login: 4011, api: 4012, history: 4013 });
    expect(parseCommandLine(['--port', '0', '--api-port', '9']).simulator.ports).toEqual({
      control: 0,
      login: 0,
      api: 9,
      history: 0,
    });
  });

  it('takes options of both services', () => {
    const { simulator } = parseCommandLine([
      '--max-topics',
      '5',
      '--forbidden-topics',
      'a,b*',
      '--history-token',
      't',
      '--history-repeat-status=200',
    ]);
    expect(simulator.genesys).toMatchObject({ maxTopics: 5, forbiddenTopics: ['a', 'b*'], maxChannels: 20 });
    expect(simulator.history).toEqual({ token: 't', repeatStatus: 200 });
  });

  it.each([
    [['--speed', '1']],
    [['--max-topics', 'many']],
    [['--max-topics', '0']],
    [['--port', '99999']],
    [['x']],
    [['--saml-certificate', '/nope']],
  ])('refuses %j and points to --help', (args) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
  });

  it('explains every flag', () => {
    expect(usage()).toMatch(/--heartbeat-ms <ms>[\s\S]*--history-token <text>/);
  });
});

describe('program', () => {
  // Beside the dependencies, so that the compiled program finds them.
  const cache = resolve('node_modules/.cache');
  let folder: string;
  let running: ChildProcess | undefined;

  beforeAll(() => {
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'simulator-'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    execFileSync(process.execPath, ['node_modules/@swc/cli/bin/swc.js', 'simulator', '--out-dir', folder, '--quiet'], {
      stdio: 'inherit',
    });
  }, 60_000);
  afterAll(() => {
    running?.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const main = (): string => join(folder, 'simulator', 'main.js');

  it('prints help, and exits with 64 for what it does not understand', () => {
    expect(execFileSync(process.execPath, [main(), '--help'], { encoding: 'utf8' })).toMatch(
      /^Usage: npm run simulator/,
    );
    expect(() => execFileSync(process.execPath, [main(), '--nope'], { stdio: 'pipe' })).toThrow(
      expect.objectContaining({ status: 64 }),
    );
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('prints how to use it and ends cleanly on %s', async (signal) => {
    running = spawn(process.execPath, [main(), '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(running, 'exit');
    let text = '';
    await new Promise<void>((done) =>
      running?.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.includes('API_KEYS=')) done();
      }),
    );
    const value = (name: string): string => new RegExp(`^${name}=(.+)$`, 'm').exec(text)?.[1] ?? '';
    const control = /Control +(\S+)/.exec(text)?.[1] ?? '';
    expect((await fetch(`${control}/state`)).status).toBe(200);
    const authorization = `Basic ${btoa(`${value('GENESYS_CLIENT_ID')}:${value('GENESYS_CLIENT_SECRET')}`)}`;
    const token = await fetch(`${value('GENESYS_LOGIN_URL')}/oauth/token`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    });
    expect(token.status).toBe(200);
    // All that is printed is all that the gateway needs.
    const printed = Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.+)$/gm)].map(([, name, set]) => [name, set]));
    expect(() => parseEnvironment(printed)).not.toThrow();
    running.kill(signal);
    expect(await exited).toEqual([0, null]);
  });
});
