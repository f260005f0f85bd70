import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc/<pid>/stat: 100 a second on every Linux that Node.js runs on. */
const TICKS_PER_S = 100;

/** What a process has used between two moments. */
export interface Usage {
  /** Share of one core, 1 = one core the whole time. */
  cpu: number;
  /** Largest resident memory since its start, bytes. */
  peakRss: number;
}

interface Reading {
  at: number;
  cpuSeconds: Map<number, number>;
}

/** Processes whose use is measured, by name. A name stands for a process and all its descendants. */
export type Measured = Record<string, number>;

/** Runs `work` and tells what the processes used meanwhile. Linux only; elsewhere everything is 0. */
export async function measured<T>(processes: Measured, work: () => Promise<T>): Promise<[T, Record<string, Usage>]> {
  const before = reading(processes);
  const result = await work();
  const after = reading(processes);
  const usage: Record<string, Usage> = {};
  const seconds = (after.at - before.at) / 1_000;
  for (const [name, pid] of Object.entries(processes)) {
    const pids = family(pid);
    const cpu = sum(pids, (each) => (after.cpuSeconds.get(each) ?? 0) - (before.cpuSeconds.get(each) ?? 0));
    usage[name] = { cpu: cpu / seconds, peakRss: sum(pids, (each) => memory(each, 'VmHWM')) };
  }
  return [result, usage];
}

/** Resident memory now, bytes. */
export function residentMemory(pid: number): number {
  return memory(pid, 'VmRSS');
}

function reading(processes: Measured): Reading {
  const pids = Object.values(processes).flatMap(family);
  return { at: performance.now(), cpuSeconds: new Map(pids.map((pid) => [pid, cpuSeconds(pid)])) };
}

function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of list('/proc')) {
    const parent = Number(statOf(Number(entry))[1]);
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [pid];
  for (const each of found) found.push(...(children.get(each) ?? []));
  return found;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Fields of /proc/<pid>/stat from the state on: the name before it may hold blanks and brackets. */
function statOf(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_S;
}

function memory(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** Empty when the process is gone or there is no /proc. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
