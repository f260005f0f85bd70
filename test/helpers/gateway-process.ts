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
  /** Sends the signal and waits for the end. Answers the exit code, null after a signal that kills. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const MAIN = new URL('../../dist/src/main.js', import.meta.url).pathname;

/** Resolves when it listens; rejects with its output when it ends before that. */
export async function spawnGateway(environment: Environment): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment, LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const logs: LogLine[] = [];
  const output: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      output.push(line);
      const entry = parseLine(line);
      if (!entry) return;
      logs.push(entry);
      if (entry.msg === 'listening') resolve(String(entry['url']));
    });
    exited.then(
      ([code]) => reject(new Error(`the gateway ended with ${code} before it listened:\n${output.join('\n')}`)),
      reject,
    );
  });
  return {
    url,
    logs,
    child,
    end: async (signal) => {
      child.kill(signal);
      const [code] = await exited;
      return code;
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
