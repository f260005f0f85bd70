import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export type Environment = Record<string, string>;

/** The gateway as `npm run build` made it; another copy for long runs beside a build. */
export const GATEWAY_MAIN = resolve(process.env['FAULTS_GATEWAY'] ?? 'dist/src/main.js');

/** Lines of log that are kept to explain a failure. */
const KEPT_LINES = 400;
/** A start that fails is tried again after this, as a supervisor would. */
const RESTART_MS = 150;
/** So many starts in a row may fail, some tens of seconds of an outage; then the gateway cannot start at all. */
const FAILED_STARTS_LIMIT = 60;
/** A process that is asked to end must have ended by then, or it is killed and counted. */
const END_LIMIT_MS = 40_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It listened before it ended. */
  served: boolean;
  tail: string[];
}

interface Run {
  child: ChildProcess;
  exited: Promise<Exit>;
  /** We ended it. */
  ordered: boolean;
}

/** One replica: a real process, and what Kubernetes does with it, which is to start it again whenever it ends. */
export class GatewayUnit {
  /** Ends that nobody ordered. */
  readonly accidents: Exit[] = [];
  /** Every line of this process' life that is worse than a warning, cut. */
  readonly complaints: string[] = [];
  readonly lines: string[] = [];
  starts = 0;
  /** Slowest of the orderly ends, ms. */
  slowestEndMs = 0;
  private run: Run | undefined;
  private address: string | undefined;
  private failedStarts = 0;
  private wanted = false;
  private over = false;
  private life: Promise<void> = Promise.resolve();
  private readonly listeners: (() => void)[] = [];

  constructor(
    readonly name: string,
    private readonly environment: () => Environment,
    private readonly onLine: (line: string) => void = () => undefined,
  ) {}

  /** Undefined while it is down or starting. */
  get url(): string | undefined {
    return this.address;
  }

  get pid(): number | undefined {
    return this.run?.child.pid;
  }

  /** Resolves when it listens, however many starts that takes. */
  async start(): Promise<void> {
    if (this.over) return;
    if (!this.wanted) {
      this.wanted = true;
      const before = this.life;
      this.life = before.then(() => this.live());
    }
    await this.up();
  }

  /** Resolves when it listens. */
  async up(): Promise<void> {
    while (this.address === undefined) {
      if (this.failedStarts >= FAILED_STARTS_LIMIT)
        throw new Error(`${this.name} does not start:\n${this.lines.slice(-10).join('\n')}`);
      // Somebody else has ended it meanwhile.
      if (!this.wanted) return;
      await new Promise<void>((resolve) => this.listeners.push(resolve));
    }
  }

  /** Really kills it; it stays down until `start`. */
  async kill(): Promise<void> {
    this.order('SIGKILL');
    await this.down();
  }

  /** As `kill`, for good. */
  async dispose(): Promise<void> {
    this.over = true;
    await this.kill();
  }

  /** Ends it in order. Gives the exit code. */
  async terminate(): Promise<number | null> {
    const since = performance.now();
    const run = this.order('SIGTERM');
    if (!run) {
      await this.down();
      return null;
    }
    const limit = setTimeout(() => run.child.kill('SIGKILL'), END_LIMIT_MS);
    const { code } = await run.exited;
    clearTimeout(limit);
    this.slowestEndMs = Math.max(this.slowestEndMs, performance.now() - since);
    await this.down();
    return code;
  }

  freeze(): void {
    this.run?.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.run?.child.kill('SIGCONT');
  }

  signal(signal: NodeJS.Signals): void {
    this.run?.child.kill(signal);
  }

  /** Resident memory, bytes. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  private order(signal: NodeJS.Signals): Run | undefined {
    this.wanted = false;
    const { run } = this;
    if (!run) return undefined;
    run.ordered = true;
    this.address = undefined;
    run.child.kill(signal);
    return run;
  }

  private async down(): Promise<void> {
    this.wakeAll();
    await this.life;
  }

  private wakeAll(): void {
    for (const wake of this.listeners.splice(0)) wake();
  }

  private async live(): Promise<void> {
    while (this.wanted && this.failedStarts < FAILED_STARTS_LIMIT) {
      const run = this.launch();
      this.run = run;
      const exit = await run.exited;
      this.address = undefined;
      this.run = undefined;
      // A start that was asked for meanwhile waits for the end of this life.
      if (run.ordered) return;
      this.accidents.push(exit);
      this.failedStarts = exit.served ? 0 : this.failedStarts + 1;
      if (this.failedStarts >= FAILED_STARTS_LIMIT) this.wakeAll();
      await sleep(RESTART_MS);
    }
  }

  private launch(): Run {
    this.starts += 1;
    const { NODE_OPTIONS, ...environment } = this.environment();
    const child = spawn(process.execPath, ['--enable-source-maps', ...(NODE_OPTIONS?.split(' ') ?? []), GATEWAY_MAIN], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment, LOG_FORMAT: 'json' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let served = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.note(line);
      const url = /"url":"([^"]+)"/.exec(line)?.[1];
      if (url === undefined || !line.includes('"msg":"listening"') || run.ordered) return;
      served = true;
      this.address = url;
      this.failedStarts = 0;
      this.wakeAll();
    });
    child.stderr.on('data', (chunk: Buffer) => this.note(chunk.toString()));
    const exited = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(
      ([code, signal]): Exit => ({ code, signal, served, tail: this.lines.slice(-15) }),
    );
    const run: Run = { child, exited, ordered: false };
    return run;
  }

  private note(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    if (/"level":"?(fatal|60)\b/.test(line)) this.complaints.push(line.slice(0, 500));
    this.onLine(line);
  }
}
