import { writeFile } from 'node:fs/promises';
import { parseCommandLine, USAGE, type CommandLine } from './command-line.js';
import { conditions } from './report/conditions.js';
import { plot } from './report/plot.js';
import { describe, isMet } from './report/table.js';
import type { Outcome, Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';
import { Stage } from './stage.js';

/** EX_USAGE of sysexits.h */
const EXIT_USAGE = 64;

export interface Measured {
  name: string;
  unit: string;
  seconds: number;
  outcome: Outcome;
}

async function main(): Promise<void> {
  const order = orderOrExit();
  if (order.help) return console.log(USAGE);
  if (order.list) return console.log(SCENARIOS.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n'));
  const scenarios = chosen(order.scenarios);
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
    const missed = results
      .flatMap(({ outcome }) => outcome.targets)
      .filter((target) => !isMet(target, order.tolerance));
    if (missed.length > 0) process.exitCode = 1;
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

function orderOrExit(): CommandLine {
  try {
    return parseCommandLine(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function chosen(names: readonly string[]): readonly Scenario[] {
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    console.error(`There is no scenario '${unknown.join("', '")}'; --list names them.`);
    process.exit(EXIT_USAGE);
  }
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name));
}

await main();
