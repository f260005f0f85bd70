import { parseArgs } from 'node:util';

export interface CommandLine {
  /** Empty: all. */
  scenarios: string[];
  list: boolean;
  help: boolean;
  rounds: number;
  scale: number;
  json: string | undefined;
  svg: string | undefined;
  folder: string | undefined;
  /** A tenth of what can be told in short, judged for collapses only. */
  short: boolean;
}

export const USAGE = `Usage: npm run bench -- [scenario ...] [options]

  --list             what there is
  --rounds <n>       how often each side runs, in turns (2)
  --scale <x>        part of the full sizes (1)
  --short            for a build server: --rounds 1 --scale 0.1, the scenarios that say something then, and only ratios
                     to the bare program that are a factor of three off count as missed
  --json <file>      all figures of all runs
  --svg <file>       a plot of throughput and latency
  --folder <path>    where the databases go; the disk's sync is part of what is measured (the temporary folder)

Ends with 1 when a target is missed.`;

/** @throws TypeError that says what is not understood */
export function parseCommandLine(args: string[]): CommandLine {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      short: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      scale: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  const { list, help, json, svg, folder, short } = values;
  return {
    scenarios: positionals,
    list,
    help,
    json,
    svg,
    folder,
    rounds: positive('rounds', values.rounds, short ? 1 : 2),
    scale: positive('scale', values.scale, short ? 0.1 : 1),
    short,
  };
}

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new TypeError(`--${name} takes a number above 0, not '${text}'`);
  return value;
}
