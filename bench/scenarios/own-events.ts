import { randomUUID } from 'node:crypto';
import BetterSqlite3 from 'better-sqlite3';
import type { HttpLoad } from '../load/http-load.js';
import { INTAKE_KEY } from '../processes/gateway.js';
import { measured } from '../processes/usage.js';
import { alternate, ratioOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';
import { runOf } from './capture.js';

const SUBSCRIPTIONS = 100_000;
const REQUESTS = 400;
const WARM_UP = 100;
const CONNECTIONS = 4;

/** Intake with everybody listening to everything, beside intake with nobody. */
export const ownEvents: Scenario = {
  name: 'own-events',
  about: `intake with ${SUBSCRIPTIONS} subscriptions to all events of ours, and with none, SQLite`,
  unit: 'requests/s',
  inShort: false,
  async run(stage) {
    const sides = await alternate(stage, { none: () => intake(stage, 0), all: () => intake(stage, SUBSCRIPTIONS) });
    return {
      sides,
      targets: [
        { name: 'of none', value: ratioOf(sides, 'all', 'none'), limit: { min: 0.5 }, unit: '', isUsual: true },
      ],
      notes: [
        `${stage.size(REQUESTS, 50)} requests over ${CONNECTIONS} connections; the deliveries of their events are made meanwhile, for comet users who are away`,
        `${stage.size(SUBSCRIPTIONS)} subscriptions to *`,
      ],
    };
  },
};

async function intake(stage: Stage, subscriptions: number): Promise<Run> {
  const { addresses } = await stage.world();
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  if (subscriptions > 0) subscribe(database.file, stage.size(subscriptions));
  const process = await stage.gateway(addresses, database);
  const worker = stage.worker<HttpLoad>('load/http-load');
  const order = { url: process.url, kind: 'interaction', key: INTAKE_KEY, connections: CONNECTIONS } as const;
  await worker.call('post', { ...order, from: 0, count: WARM_UP });
  const [result, usage] = await measured({ gateway: process.pid, load: worker.pid }, () =>
    worker.call('post', { ...order, from: WARM_UP, count: stage.size(REQUESTS, 50) }),
  );
  return runOf(result, usage);
}

/** Each by a change of its own, as they are made one by one. */
function subscribe(file: string, count: number): void {
  const database = new BetterSqlite3(file);
  const insert =
    database.prepare(`insert into push_subscriptions (id, subscriber_id, filter, provider_name, type, device_id,
    properties, debug, destination, created_by, own_events, created_at, expires_at, change_no)
    values (?, ?, '*', 'default', 'comet', ?, '{}', 0, ?, 'bench', 1, ?, ?, ?)`);
  const now = Date.now();
  database.transaction(() => {
    for (let no = 1; no <= count; no++) {
      const user = `user-${no}`;
      insert.run(randomUUID(), user, user, `comet:${user}`, now, now + 3_600_000, no);
    }
    database.prepare('update push_changes set change_no = ?').run(count);
  })();
  database.close();
}
