import type { Rig } from '../rig.js';
import { sized, type Scenario } from '../scenario.js';
import { withRig } from '../with-rig.js';

const MAX_COUNT = 20;
const MAX_TOPICS = 10;
/** One channel is kept free for hand-overs. */
const ROOM = (MAX_COUNT - 1) * MAX_TOPICS;

interface ChannelsEntry {
  uncoveredTopics?: number;
}

/** Replicas that fill up together share one budget: none evicts another's channel, and what has no place is looked up. */
function fillUp(name: string, replicas: number, quick: number): Scenario {
  return {
    name,
    study: [11],
    fault: `${replicas} replicas are handed more conversations at once than all channels together have room for`,
    databases: ['postgres'],
    quick,
    run: (context) =>
      withRig(context, { units: replicas, environment: { CHANNEL_MAX_TOPICS: String(MAX_TOPICS) } }, async (rig) => {
        const { genesys } = rig.simulator;
        const items = await rig.traffic.pend(sized(context, 300, ROOM + 30), 64);
        // A replica's last channel may have room that the others cannot use.
        const least = ROOM - replicas * (MAX_TOPICS - 1);
        const isFull = (): boolean => genesys.channels().length === MAX_COUNT - 1 && genesys.topics().length >= least;
        let ledger = await rig.readLedger();
        const agrees = (): boolean =>
          ledger?.listening === genesys.topics().length && ledger.accepted === items.length - ledger.listening;
        const isSettled = async (): Promise<boolean> => {
          ledger = await rig.readLedger();
          return isFull() && agrees();
        };
        await rig.until(isSettled, 60_000);
        const covered = genesys.topics().length;
        rig.expect(isFull(), `${genesys.channels().length} channels with ${covered} topics`);
        rig.expect(
          agrees(),
          `${covered} of ${items.length} are covered, and the ledger says ${JSON.stringify(ledger)}`,
        );
        const uncovered = await uncoveredTopics(rig);
        rig.expect(uncovered === items.length - covered, `/health tells of ${uncovered} uncovered topics`);
        const made = genesys.channels().length;
        rig.traffic.finish(...items);
        rig.audit.faultOver();
        const counts = await rig.verdict(1, { withinMs: 90_000 });
        rig.expect(rig.audit.evictions === 0, `${rig.audit.evictions} channels were evicted`);
        rig.expect(made < MAX_COUNT, `${made} channels were made, and one is to be kept free`);
        return { ...counts, extra: { ...counts.extra, channelsMade: made, covered } };
      }),
  };
}

async function uncoveredTopics(rig: Rig): Promise<number> {
  const reports = await Promise.all(rig.units.map((unit) => rig.callers.call(unit, 'GET', '/health', { as: 'admin' })));
  const entries = reports.map((report) => (report?.body['details'] as { channels?: ChannelsEntry })?.channels);
  return entries.reduce((sum, entry) => sum + (entry?.uncoveredTopics ?? NaN), 0);
}

export const fillUpTwo = fillUp('fill-up-two', 2, 0.7);
export const fillUpFive = fillUp('fill-up-five', 5, 0);
