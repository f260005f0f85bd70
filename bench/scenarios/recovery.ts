import type { ReadRows } from '../bare/read-rows.js';
import { alternate, medianOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const WAITING = 19_000;
const UNDELIVERED = 10_000;

/** A start with work left over. */
export const recovery: Scenario = {
  name: 'recovery',
  about: `start with ${WAITING} interactions waiting and ${UNDELIVERED} records undelivered: time to ready, to drained`,
  unit: '',
  inShort: false,
  async run(stage) {
    const sides = await alternate(stage, { 'bare read': () => bare(stage), gateway: () => gateway(stage) });
    const ready = medianOf(sides, 'gateway', (run) => run.figures?.['ready ms'] ?? 0);
    return {
      sides,
      targets: [{ name: 'ready', value: ready, limit: { max: 3_000 }, unit: 'ms' }],
      notes: ['times from the start of the process; bare: reading those rows from SQLite'],
    };
  },
};

function contents(stage: Stage): { waiting: number; undelivered: number; delivered: number } {
  return { waiting: stage.size(WAITING), undelivered: stage.size(UNDELIVERED), delivered: 0 };
}

async function bare(stage: Stage): Promise<Run> {
  const { file } = await stage.database('sqlite', contents(stage));
  const { ms, rows } = await stage.worker<ReadRows>('bare/read-rows').call('read', file);
  return { figures: { 'read ms': ms, rows } };
}

async function gateway(stage: Stage): Promise<Run> {
  const { world, addresses } = await stage.world();
  const { undelivered, waiting } = contents(stage);
  const database = await stage.database('sqlite', contents(stage));
  const startedAt = performance.now();
  const process = await stage.gateway(addresses, database);
  const [ready, drained, subscribed] = await Promise.all([
    fetch(`${process.url}/health/ready`).then(() => performance.now()),
    world.call('untilTaken', undelivered).then(() => performance.now()),
    world.call('subscribed', waiting).then(() => performance.now()),
  ]);
  return {
    figures: {
      'ready ms': ready - startedAt,
      'drained ms': drained - startedAt,
      'subscribed ms': subscribed - startedAt,
    },
  };
}
