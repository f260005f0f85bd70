import { setTimeout as sleep } from 'node:timers/promises';
import type { Shape } from '../../../simulator/genesys/conversations/shapes.js';
import type { LookupFault } from '../../../simulator/genesys/lookup-faults.js';
import type { Item } from '../audit.js';
import type { Rig } from '../rig.js';
import { sized, type Scenario } from '../scenario.js';
import { withRig } from '../with-rig.js';

interface Spoiling {
  shape?: Shape;
  fault?: Omit<LookupFault, 'conversationId'>;
}

/** What the gateway reads in spite of it. */
const HARD: readonly Spoiling[] = [{ shape: { nulls: true } }, { shape: { wrongTypes: true, nulls: true } }];
/** What nobody can read. The gateway reads 20 MB of an answer. */
const UNREADABLE: readonly Spoiling[] = [
  { fault: { status: 400 } },
  { fault: {} },
  { fault: { status: 500 } },
  { shape: { paddingBytes: 21 * 1024 * 1024 } },
];
/** Each way is given so long, about two look-ups of those who are asked for again each second. */
const ROUND_MS = 2_500;

/** In each round everybody is spoilt in the way that follows the last one. */
function spoil(rig: Rig, items: readonly Item[], ways: readonly Spoiling[], round: number): void {
  const { conversations, faults } = rig.simulator.genesys;
  for (const [n, { conversationId }] of items.entries()) {
    const { shape = {}, fault } = ways[(n + round) % ways.length] as Spoiling;
    conversations.shape(conversationId, shape);
    if (fault) faults.spoilLookups({ conversationId, ...fault });
  }
}

/** Every event is lost, and some conversations spoil each look-up that has them in it. */
export const poisonedLookup: Scenario = {
  name: 'poisoned-lookup',
  study: [],
  fault: 'all events lost; look-ups of some conversations with nulls, other types, 400, 500, broken JSON, > 20 MB',
  databases: ['sqlite', 'postgres'],
  quick: 0.1,
  quickOn: ['sqlite'],
  run: (context) =>
    withRig(context, {}, async (rig) => {
      const { genesys } = rig.simulator;
      const items = await rig.traffic.pend(sized(context, 800, 60));
      await rig.until(() => genesys.topics().length >= items.length, 30_000);
      const hard = items.slice(0, 6);
      const unreadable = new Set(items.slice(6, 6 + sized(context, 12, 6)));
      const apply = (round: number): void => {
        genesys.faults.clear();
        spoil(rig, hard, HARD, round);
        spoil(rig, [...unreadable], UNREADABLE, round);
      };
      apply(0);
      for (const item of items) {
        rig.audit.finish(item);
        genesys.conversations.finishWork(item.conversationId, {
          ...(item.code !== undefined && { wrapupCode: item.code }),
          suppressEvent: true,
        });
      }
      for (const round of UNREADABLE.keys()) {
        apply(round);
        await sleep(ROUND_MS);
      }
      const readable = await rig.until(() => rig.audit.due.every((item) => unreadable.has(item)), 30_000);
      const late = rig.audit.due.filter((item) => !unreadable.has(item)).length;
      rig.expect(readable, `${late} that can be read waited for those that cannot`);
      const read = unreadable.size - rig.audit.due.filter((item) => unreadable.has(item)).length;
      rig.expect(read === 0, `${read} were recorded although nobody could read them`);
      genesys.faults.clear();
      for (const { conversationId } of unreadable) genesys.conversations.shape(conversationId, {});
      rig.audit.faultOver();
      const counts = await rig.verdict(unreadable.size, { withinMs: 60_000 });
      return { ...counts, extra: { ...counts.extra, unreadable: unreadable.size } };
    }),
};
