import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** The gateway, as `npm start` runs it: a process of its own that is ended by SIGTERM. */
export interface GatewayChild {
  url: string;
  stop(): Promise<number | null>;
}

/** A line of the gateway's log. */
export interface LogLine {
  msg: string;
  [field: string]: unknown;
}

const MAIN = join(import.meta.dirname, '../../src/main.js');
const END_WITH_PARENT = join(import.meta.dirname, 'end-with-parent.js');

/** @param onLog gets each line of its log, parsed. Rejects with what it printed when it ends before it listens. */
export async function startGatewayChild(
  environment: Record<string, string>,
  onLog: (line: LogLine) => void,
): Promise<GatewayChild> {
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', '--import', pathToFileURL(END_WITH_PARENT).href, MAIN],
    {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      windowsHide: true,
    },
  );
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const url = await listening(child, exited, onLog);
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}

async function listening(
  child: ChildProcess,
  exited: Promise<[number | null]>,
  onLog: (line: LogLine) => void,
): Promise<string> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('the gateway was started without pipes');
  const complaints: string[] = [];
  stderr.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  return new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (text) => {
      const line = parse(text);
      if (line['level'] === 'fatal') complaints.push(text);
      if (line.msg === 'listening') resolve(String(line['url']));
      onLog(line);
    });
    exited.then(([code]) => reject(new Error(`The gateway ended with ${code}.\n${complaints.join('\n')}`)), reject);
  });
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { msg: text };
  }
}
