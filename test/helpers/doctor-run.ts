import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import type { Examined } from '../../scripts/doctor/examination.js';
import type { Environment } from '../../src/config/environment.js';

const DOCTOR = new URL('../../dist/scripts/doctor.js', import.meta.url).pathname;

export interface DoctorRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `npm run doctor` as a process of its own, in a folder without a .env file. */
export async function runDoctor(environment: Environment, args: readonly string[] = []): Promise<DoctorRun> {
  const child = spawn(process.execPath, ['--enable-source-maps', DOCTOR, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

export interface Examination {
  exitCode: number;
  checks: Examined[];
  /** The check of that name. */
  check(name: string): Examined | undefined;
}

export function examinationOf({ stdout }: DoctorRun): Examination {
  const { exitCode, checks } = JSON.parse(stdout) as { exitCode: number; checks: Examined[] };
  return { exitCode, checks, check: (name) => checks.find((each) => each.name === name) };
}
