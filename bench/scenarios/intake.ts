import type { BareIntake } from '../bare/intake.js';
import type { HttpLoad } from '../load/http-load.js';
import { INTAKE_KEY } from '../processes/gateway.js';
import { measured } from '../processes/usage.js';
import { alternate, medianOf, ratioOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';
import { runOf } from './capture.js';

const CONNECTIONS = 64;
/** Together as many as 19 channels have topics. */
const REQUESTS = 15_000;
const WARM_UP = 4_000;

/** `POST /customers/supportInteraction`, answered when it is on disk. */
export const intake: Scenario = {
  name: 'intake',
  about: `POST /customers/supportInteraction by autocannon over ${CONNECTIONS} connections, SQLite`,
  unit: 'requests/s',
  inShort: true,
  async run(stage) {
    const sides = await alternate(stage, { bare: () => bare(stage), gateway: () => gateway(stage) });
    const p99 = (run: Run): number => run.latency?.p99 ?? 0;
    return {
      sides,
      targets: [
        { name: 'of bare', value: ratioOf(sides, 'gateway', 'bare'), limit: { min: 0.5 }, unit: '', reached: 0.25 },
        {
          name: 'p99, of bare',
          value: ratioOf(sides, 'gateway', 'bare', p99),
          limit: { max: 3 },
          unit: '',
          isTail: true,
        },
      ],
      notes: [
        `${stage.size(REQUESTS)} requests, each its own conversation; the gateway subscribes each topic meanwhile`,
        `median p99 ${medianOf(sides, 'gateway', p99).toFixed(1)} ms`,
      ],
    };
  },
};

async function bare(stage: Stage): Promise<Run> {
  const worker = stage.worker<BareIntake>('bare/intake');
  return load(stage, await worker.call('start'), { bare: worker.pid });
}

async function gateway(stage: Stage): Promise<Run> {
  const { addresses } = await stage.world();
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database);
  return load(stage, process.url, { gateway: process.pid });
}

async function load(stage: Stage, url: string, processes: Record<string, number>): Promise<Run> {
  const worker = stage.worker<HttpLoad>('load/http-load');
  const order = { url, kind: 'interaction', key: INTAKE_KEY, connections: CONNECTIONS } as const;
  const warmUp = stage.size(WARM_UP, 200);
  await worker.call('post', { ...order, from: 0, count: warmUp });
  const [result, usage] = await measured({ ...processes, load: worker.pid }, () =>
    worker.call('post', { ...order, from: warmUp, count: stage.size(REQUESTS, 500) }),
  );
  return runOf(result, usage);
}
