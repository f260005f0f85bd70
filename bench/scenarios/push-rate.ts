import { setTimeout as sleep } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import type { CallbackReceiver } from '../load/callback-receiver.js';
import { PushClient } from '../load/push-client.js';
import { measured } from '../processes/usage.js';
import { alternate, medianOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const WAITING = 10_000;
/** All of one subscriber, who may have 1,000. */
const SUBSCRIPTIONS = 1_000;
/** Until each push has got its time in the subscriber's schedule; some 5 s. */
const SETTLE_MS = 15_000;
const MEASURED_MS = 20_000;

/** What waiting costs. */
export const pushRate: Scenario = {
  name: 'push-rate',
  about: `${WAITING} pushes waiting that come faster than their subscriber's rate: CPU, beside a gateway where nothing waits`,
  unit: '',
  inShort: false,
  async run(stage) {
    // Most of a round is waiting.
    const sides = await alternate(stage, { idle: () => gateway(stage, 0), waiting: () => gateway(stage, WAITING) }, 1);
    const cpu = (name: string): number => medianOf(sides, name, (run) => (run.usage?.['gateway']?.cpu ?? 0) * 100);
    return {
      sides,
      targets: [
        { name: 'waiting, above idle', value: cpu('waiting') - cpu('idle'), limit: { max: 2 }, unit: '% of a core' },
      ],
      notes: [`over ${MEASURED_MS / 1_000} s, one round; PUSH_RATE_PER_SUBSCRIBER=1, SQLite`],
    };
  },
};

async function gateway(stage: Stage, waiting: number): Promise<Run> {
  const { addresses } = await stage.world();
  const receiver = stage.worker<CallbackReceiver>('load/callback-receiver');
  const url = await receiver.call('start', 0);
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database, {
    PUSH_ALLOWED_HOSTS: '127.0.0.1',
    PUSH_RATE_PER_SUBSCRIBER: '1',
    PUSH_QUEUE_PER_SUBSCRIBER: String(2 * WAITING),
  });
  const client = new PushClient(process.url);
  for (let no = 0; no < SUBSCRIPTIONS; no++) await client.subscribe('one', 'bench.calls', url);
  for (let made = 0; made < waiting; made += SUBSCRIPTIONS) await client.publish('bench.calls');
  await sleep(SETTLE_MS);
  const [, usage] = await measured({ gateway: process.pid }, () => sleep(MEASURED_MS));
  return { usage, figures: { 'waiting at the end': stillWaiting(database.file) } };
}

function stillWaiting(file: string): number {
  const database = new BetterSqlite3(file, { readonly: true });
  const count = database.prepare(`select count(*) from deliveries where state in ('pending', 'claimed')`).pluck().get();
  database.close();
  return Number(count);
}
