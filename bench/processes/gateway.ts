import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Addresses } from '../load/world.js';
import { letGo, tie } from './worker.js';

const MAIN = new URL('../../src/main.js', import.meta.url).pathname;
/** Lines of the log that are kept to explain a failure. */
const LINES_KEPT = 30;

/** Keys of those who call the gateway here. */
export const INTAKE_KEY = 'bench-intake-0123456789abcdef';
export const ADMIN_KEY = 'bench-admin-0123456789abcdef';
export const PUBLISH_KEY = 'bench-publish-0123456789abcdef';

/** As `npm start` has it. */
const FLAGS = ['--max-semi-space-size=8', '--enable-source-maps'];

/** The gateway as `npm start` runs it: a process of its own, log level and all, with nothing but addresses set. */
export class GatewayProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** Base address of its HTTP server. */
    readonly url: string,
    /** Monotonic time of the spawn. */
    readonly spawnedAt: number,
  ) {}

  /** Resolves when it listens. @throws Error with the end of its log when it ends before that */
  static async start(
    world: Addresses,
    databaseUrl: string,
    settings: Record<string, string> = {},
  ): Promise<GatewayProcess> {
    const spawnedAt = performance.now();
    const child = spawn(process.execPath, [...FLAGS, ...extraFlags(), MAIN], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment(world, databaseUrl), ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (lines.push(line) > LINES_KEPT) lines.shift();
        if (process.env['BENCH_GATEWAY_LOG'] !== undefined) process.stderr.write(`${line}\n`);
        if (line.includes('"msg":"listening"')) resolve((JSON.parse(line) as { url: string }).url);
      });
      child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}:\n${lines.join('\n')}`)));
    });
    tie(child, 'the gateway');
    return new GatewayProcess(child, url, spawnedAt);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** One gauge or counter of `/metrics`; the sum over its labels. */
  async metric(name: string): Promise<number> {
    const answer = await fetch(`${this.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const lines = (await answer.text()).split('\n').filter((line) => new RegExp(`^${name}(\\{| )`).test(line));
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** At once; but in order when it runs with flags of ours, since a profile is written at the end. */
  end(): Promise<void> {
    return letGo(this.child, extraFlags().length > 0 ? 'SIGTERM' : 'SIGKILL');
  }
}

/** E.g. `BENCH_GATEWAY_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/profiles"`, to see where the time goes. */
function extraFlags(): string[] {
  return (process.env['BENCH_GATEWAY_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}

function environment(world: Addresses, databaseUrl: string): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    API_KEYS: `bofe:intake:${INTAKE_KEY},operator:admin:${ADMIN_KEY},service:publish:${PUBLISH_KEY}`,
    GENESYS_LOGIN_URL: world.apiUrl,
    GENESYS_API_URL: world.apiUrl,
    GENESYS_CLIENT_ID: 'bench-client',
    GENESYS_CLIENT_SECRET: 'bench-secret',
    GENESYS_GRANT: 'client-credentials',
    HISTORY_URL: world.historyUrl,
    DATABASE_URL: databaseUrl,
  };
}
