import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Environment } from '../../src/config/environment.js';

export interface LogLine {
  level: string | number;
  msg: string;
  [field: string]: unknown;
}

/** The gateway as it is run for real: a process of its own, from what `npm run build` made. */
export interface GatewayProcess {
  url: string;
  /** Every line of its log so far. */
  logs: LogLine[];
  child: ChildProcess;
  /** The first line, past or to come, that fits. Rejects when the process ends before it, or after `timeoutMs`. */
  logged(fits: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  /** The exit code once it has ended; null when a signal killed it. */
  exited: Promise<number | null>;
  /** Sends the signal and waits for the end. Answers the exit code, null after a signal that kills. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const MAIN = new URL('../../dist/src/main.js', import.meta.url).pathname;

/**
 * Resolves when it listens; rejects with its output when it ends before that.
 *
 * @param how what is run, and in which folder: by default this checkout's build, here
 */
export async function spawnGateway(
  environment: Environment,
  { command = [process.execPath, '--enable-source-maps', MAIN], cwd }: { command?: string[]; cwd?: string } = {},
): Promise<GatewayProcess> {
  const [program = '', ...args] = command;
  // At least info: the address is in a line of that level.
  const level = environment['LOG_LEVEL'] === 'debug' ? 'debug' : 'info';
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment, LOG_LEVEL: level, LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const logs: LogLine[] = [];
  const output: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const exited = (once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>).then(([code]) => code);
  const watchers = new Set<(line: LogLine) => void>();
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      output.push(line);
      const entry = parseLine(line);
      if (!entry) return;
      logs.push(entry);
      for (const watch of [...watchers]) watch(entry);
      if (entry.msg === 'listening') resolve(String(entry['url']));
    });
    exited.then(
      (code) => reject(new Error(`the gateway ended with ${code} before it listened:\n${output.join('\n')}`)),
      reject,
    );
  });
  return {
    url,
    logs,
    child,
    exited,
    logged: (fits, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const done = (settle: () => void): void => {
          clearTimeout(timer);
          watchers.delete(watch);
          settle();
        };
        const watch = (line: LogLine): void => {
          if (fits(line)) done(() => resolve(line));
        };
        const fail = (why: string): void => done(() => reject(new Error(`${why}: ${String(fits).slice(0, 200)}`)));
        const timer = setTimeout(() => fail(`no such line within ${timeoutMs} ms`), timeoutMs);
        watchers.add(watch);
        void exited.then(() => fail('the gateway ended without such a line'));
        for (const line of logs) watch(line);
      }),
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
