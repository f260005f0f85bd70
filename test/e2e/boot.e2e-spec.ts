import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/config/environment.js';
import { PostgresServer } from '../helpers/postgres.js';

const MAIN = new URL('../../dist/src/main.js', import.meta.url).pathname;

/** Longer than any start or refusal takes; the embedded database waits 10 s for another process to let go. */
const LIMIT_MS = 25_000;

/** Enough to start, without anything to talk to: port 9 (discard) answers nowhere. */
const COMPLETE: Environment = {
  HOST: '127.0.0.1',
  PORT: '0',
  API_KEYS: 'bofe:intake:hush-key-0123456789',
  GENESYS_LOGIN_URL: 'http://127.0.0.1:9',
  GENESYS_API_URL: 'http://127.0.0.1:9',
  GENESYS_CLIENT_ID: 'client',
  GENESYS_CLIENT_SECRET: 'hush-client-secret',
  GENESYS_GRANT: 'client-credentials',
  HISTORY_URL: 'http://127.0.0.1:9/records',
  HISTORY_TOKEN: 'hush-history-token',
};

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe('starting the gateway', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-boot-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs it to its end, in a folder without a .env file. `onOutput` sees all that it wrote so far, and may end it. */
  async function run(env: Environment, onOutput?: (stdout: string, kill: () => void) => void): Promise<Run> {
    const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
        onOutput?.(output.stdout, () => child.kill('SIGTERM'));
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...output };
  }

  const linesOf = (text: string): string[] => text.trimEnd().split('\n');

  /** The reason, which is told once and without a stack. */
  function reasonOf({ code, stdout }: Run): string {
    expect(code).toBe(1);
    const entries = linesOf(stdout).map(
      (line) => JSON.parse(line) as { level: string; msg: string; cause?: { message: string } },
    );
    const told = entries.filter(({ level }) => level === 'error' || level === 'fatal');
    expect(told).toEqual([expect.objectContaining({ level: 'fatal', msg: 'the gateway could not start' })]);
    expect(stdout).not.toContain('\\n    at ');
    return told[0]?.cause?.message ?? '';
  }

  function refusedForItsEnvironment({ code, stdout, stderr }: Run, names: readonly string[]): void {
    const lines = linesOf(stderr);
    expect(code).toBe(78);
    expect(stdout).toBe('');
    const count = names.length === 1 ? '1 problem' : `${String(names.length)} problems`;
    expect(lines[0]).toMatch(new RegExp(`^The gateway cannot start: ${count} in its environment`));
    expect(lines.at(-1)).toBe('To see it work without any of this, run: npm run demo');
    expect(
      lines
        .slice(1, -1)
        .map((line) => /^ {2}- ([A-Z_]+)[:=]/.exec(line)?.[1])
        .sort(),
    ).toEqual([...names].sort());
    expect(stderr).not.toMatch(/^\s+at |\.[jt]s:\d|Error:/m);
    expect(stderr).not.toContain('hush');
  }

  it('says everything that is missing, and how to see it work without it', async () => {
    const missing = ['API_KEYS', 'GENESYS_CLIENT_ID', 'GENESYS_CLIENT_SECRET', 'GENESYS_ORG_NAME'];
    const result = await run({});
    refusedForItsEnvironment(result, [...missing, 'GENESYS_SAML_ASSERTION_FILE', 'HISTORY_URL']);
    for (const line of linesOf(result.stderr).slice(1, -1)) expect(line).toContain(': is missing');
    expect(await readdir(folder)).toEqual([]);
  });

  it('says everything that is wrong, with the value and what is allowed, and no secret', async () => {
    const result = await run({
      ...COMPLETE,
      PORT: 'abc',
      HISTORY_URL: 'ftp://me:hush@history.example/records?key=hush',
      HISTORY_TOKEN: 'hush\u0001token',
      GENESYS_GRANT: 'foo',
      API_KEYS: 'bofe:wizard:hush-key-0123456789',
      DATABASE_URL: 'mysql://me:hush@db/x',
      CHANNEL_MAX_COUNT: '21',
      LOG_LEVEL: 'loud',
    });
    const names = [
      'PORT',
      'HISTORY_URL',
      'HISTORY_TOKEN',
      'GENESYS_GRANT',
      'API_KEYS',
      'DATABASE_URL',
      'CHANNEL_MAX_COUNT',
    ];
    refusedForItsEnvironment(result, [...names, 'LOG_LEVEL']);
    for (const part of [
      'PORT="abc": must be a whole number from 0 to 65,535',
      'HISTORY_URL="ftp://***@history.example/records?***": must be an http:// or https:// URL',
      'GENESYS_GRANT="foo": must be one of saml2-bearer, client-credentials',
      'CHANNEL_MAX_COUNT="21": must be a whole number from 2 to 20',
      'LOG_LEVEL="loud": must be one of trace, debug',
      'API_KEYS: entry 1 ("bofe") names a role that does not exist',
    ]) {
      expect(result.stderr).toContain(part);
    }
  });

  it.each([
    [
      'an unreachable PostgreSQL',
      { DATABASE_URL: 'postgres://me:hush-password@127.0.0.1:1/gateway' },
      /^PostgreSQL at 127\.0\.0\.1:1\/gateway cannot be used: .*ECONNREFUSED/,
    ],
    [
      'a database file that cannot be',
      { DATABASE_URL: 'file:/dev/null/gateway.db' },
      /^SQLite file \/dev\/null\/gateway\.db cannot be used: .*Check DATABASE_URL: its folder must exist.* user \d+ must be able to write there\.$/,
    ],
    [
      'a folder that nobody can make',
      { DATABASE_URL: 'file:/proc/nodir/gateway.db' },
      /^SQLite file \/proc\/nodir\/gateway\.db cannot be used: ENOENT.*Check DATABASE_URL: /,
    ],
    [
      'a folder in place of the file',
      { DATABASE_URL: 'file:/proc' },
      /^SQLite file \/proc cannot be used: .*Check DATABASE_URL: /,
    ],
    [
      'an address that is not ours',
      { HOST: '192.0.2.1', DATABASE_URL: 'file:./address.db' },
      /EADDRNOTAVAIL.*192\.0\.2\.1/,
    ],
  ])('ends over %s, with the reason and without a secret', async (_, env, reason) => {
    const result = await run({ ...COMPLETE, ...env });
    expect(reasonOf(result)).toMatch(reason);
    expect(result.stdout + result.stderr).not.toContain('hush');
  });

  it('refuses a mapping that does not work as it refuses its environment', async () => {
    const file = join(folder, 'mapping.jsonata');
    await writeFile(file, 'nonsense((');
    const result = await run({ ...COMPLETE, HISTORY_MAPPING_FILE: file, DATABASE_URL: 'file:./mapping.db' });
    // The database is open by then, and its line is there.
    expect(result.stdout).not.toMatch(/"level":"(warn|error|fatal)"/);
    refusedForItsEnvironment({ ...result, stdout: '' }, ['HISTORY_MAPPING_FILE']);
    expect(result.stderr).toContain(`HISTORY_MAPPING_FILE="${file}": does not work on a sample record`);
  });

  describe('with a PostgreSQL that refuses it', () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await PostgresServer.start();
    }, 60_000);
    afterAll(() => server.stop());

    it.each([
      ['the database', { pathname: '/nodb' }, /database "nodb" does not exist/],
      ['the password', { password: 'hush-password' }, /password authentication failed/],
    ])('says that %s is wrong, and not to wait', async (_, wrong, reason) => {
      const url = Object.assign(new URL(server.url('postgres')), wrong).href;
      const result = await run({ ...COMPLETE, DATABASE_URL: url });
      const told = reasonOf(result);
      expect(told).toMatch(reason);
      expect(told).toMatch(/ Check DATABASE_URL: user, password and database\.$/);
      expect(result.stdout + result.stderr).not.toContain('hush');
    });
  });

  describe('when its port is taken', () => {
    let other: Server;
    beforeAll(async () => {
      other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
    });
    afterAll(() => new Promise((resolve) => other.close(resolve)));

    it('ends and leaves nothing running', async () => {
      const { port } = other.address() as AddressInfo;
      const result = await run({ ...COMPLETE, PORT: String(port), DATABASE_URL: 'file:./port.db' });
      expect(reasonOf(result)).toBe(`listen EADDRINUSE: address already in use 127.0.0.1:${String(port)}`);
      expect(result.stdout).toContain('"to":"closed","reason":"everything finished"');
    });
  });

  it('starts, says where it listens and shows no secret, and does not share its database file', async () => {
    await mkdir(join(folder, 'shared'));
    const env = { ...COMPLETE, DATABASE_URL: 'file:./shared/gateway.db' };
    let second: Promise<Run> | undefined;
    const first = await run(env, (stdout, kill) => {
      if (second || !stdout.includes('"listening"')) return;
      second = run(env);
      void second.finally(kill);
    });
    const refused = await (second ?? Promise.reject(new Error(`the first did not listen: ${first.stdout}`)));
    expect(reasonOf(refused)).toMatch(/gateway\.db is .*another process/i);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/"url":"http:\/\/127\.0\.0\.1:\d+".*"listening"/);
    expect(first.stdout + first.stderr + refused.stdout + refused.stderr).not.toContain('hush');
  });
});
