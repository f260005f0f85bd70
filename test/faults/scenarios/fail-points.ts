import type { Rig } from '../rig.js';
import { sized, type Scenario } from '../scenario.js';
import { withRig } from '../with-rig.js';
import type { Item } from '../audit.js';

/** Items that stand at the point together when the process is killed there. */
const TOGETHER = 25;

interface Point {
  name: string;
  /** Lets the work of these end and kills the process at the point. */
  hit(rig: Rig, items: Item[]): Promise<void>;
  /** What must be true of the requests that the history got for one item. */
  attempts: { least: number; most: number };
}

const sleepless = (rig: Rig, holds: () => boolean): Promise<boolean> => rig.until(holds, 10_000);

/** Frames have left Genesys Cloud; whether the gateway has read or stored them nobody knows. */
const frameSent: Point = {
  name: 'frame on its way, nothing committed yet',
  attempts: { least: 1, most: 2 },
  hit: async (rig, items) => {
    const { genesys } = rig.simulator;
    const sent = new Promise<void>((resolve) => genesys.once('event-sent', () => resolve()));
    rig.traffic.finish(...items);
    await sent;
    await rig.unit.kill();
  },
};

/** COMMIT has gone out and its answer never comes: the gateway cannot know. Only PostgreSQL has a wire to cut. */
const commitUnanswered: Point = {
  name: 'COMMIT sent, no reply',
  attempts: { least: 1, most: 2 },
  hit: async (rig, items) => {
    const [link] = rig.databaseLinks;
    let committed = false;
    if (link) {
      link.tap = (direction, chunk) => {
        if (direction === 'up' && /\bcommit\b/i.test(chunk.toString('latin1'))) committed = true;
        return !(committed && direction === 'down');
      };
    }
    rig.traffic.finish(...items);
    await sleepless(rig, () => committed);
    await rig.unit.kill();
    link?.restore();
  },
};

/** Claimed in the database, and the request cannot even begin. */
const claimedUnsent: Point = {
  name: 'claimed, not sent',
  attempts: { least: 1, most: 1 },
  hit: async (rig, items) => {
    rig.history.drop();
    rig.history.blackHole();
    rig.traffic.finish(...items);
    await sleepless(rig, () => rig.history.connections > 0);
    await rig.unit.kill();
    // What the dead process had written is gone with it.
    rig.history.drop();
    rig.history.restore();
  },
};

/** The history has answered 201 and the gateway never sees it: exactly one repeat each. */
const answeredUnmarked: Point = {
  name: '2xx sent, not marked',
  attempts: { least: 2, most: 2 },
  hit: async (rig, items) => {
    rig.history.blackHole('down');
    rig.traffic.finish(...items);
    await sleepless(rig, () => items.every((item) => rig.audit.keys.has(item.id as string)));
    await rig.unit.kill();
    rig.history.restore();
  },
};

/** The history refuses for good, and the process dies before the dead letter is stored; then it takes the record. */
const refusedUnmarked: Point = {
  name: 'refusal sent, dead letter not stored',
  attempts: { least: 2, most: 2 },
  hit: async (rig, items) => {
    const { history } = rig.simulator;
    const before = history.received.length;
    history.fail({ status: 422 });
    rig.history.blackHole('down');
    rig.traffic.finish(...items);
    await sleepless(rig, () => history.received.length >= before + items.length);
    await rig.unit.kill();
    history.recover();
    rig.history.restore();
  },
};

export const failPoints: Scenario = {
  name: 'fail-points',
  study: [2],
  fault: 'kill -9 at five points of the way from frame to mark, 100 items at each',
  databases: ['sqlite', 'postgres'],
  quick: 0.1,
  quickOn: ['postgres'],
  run: (context) =>
    withRig(context, { environment: { HISTORY_TIMEOUT_MS: '30000' } }, async (rig) => {
      const points = [frameSent, claimedUnsent, answeredUnmarked, refusedUnmarked];
      if (context.database === 'postgres') points.splice(1, 0, commitUnanswered);
      const rounds = sized(context, 4);
      for (const point of points) for (let round = 0; round < rounds; round++) await strike(rig, point);
      const counts = await rig.verdict(points.length * rounds);
      return { ...counts, extra: { ...counts.extra, points: points.length, items: points.length * rounds * TOGETHER } };
    }),
};

async function strike(rig: Rig, point: Point): Promise<void> {
  const items = await rig.traffic.pend(TOGETHER, TOGETHER);
  const waits = (): boolean => rig.simulator.genesys.topics().length >= TOGETHER;
  await rig.until(waits, 15_000);
  await point.hit(rig, items);
  rig.audit.faultOver();
  await rig.unit.start();
  const all = (): boolean => items.every((item) => rig.audit.keys.has(item.id as string));
  await rig.until(async () => all() && (await everyoneDelivered(rig)), 20_000);
  const { least, most } = point.attempts;
  for (const { id } of items) {
    const attempts = rig.simulator.history.received.filter(
      ({ body }) => (body as { interactionId?: string }).interactionId === id,
    ).length;
    rig.expect(
      attempts >= least && attempts <= most,
      `${point.name}: ${attempts} requests for one record, not ${least} to ${most}`,
    );
  }
}

async function everyoneDelivered(rig: Rig): Promise<boolean> {
  const ledger = await rig.readLedger();
  return ledger?.delivered === ledger?.total;
}
