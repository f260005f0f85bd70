import fc from 'fast-check';
import { storyFrom } from '../../simulator/genesys/conversations/mixed-day.js';
import { awaitedLeg, viewsOf, type ConversationPlan } from '../../simulator/genesys/conversations/plan.js';
import { planOf, type Story } from '../../simulator/genesys/conversations/story.js';
import { workOfEvent } from '../../src/conversations/after-call-work.event.js';
import { present, type AfterCallWork } from '../../src/conversations/after-call-work.js';
import { findingsOf, workOfConversation } from '../../src/conversations/finished-work.js';
import { recordOfWork } from '../../src/conversations/interaction-record.js';
import { byRank } from '../../src/conversations/precedence.js';
import { matchWork } from '../../src/conversations/work-matching.js';
import { analyticsConversationsOf, conversationOf } from '../../src/genesys/conversation-answers.js';
import type { HistoryRecord } from '../../src/history/record.js';
import type { InteractionRow } from '../../src/storage/schema.js';

const STARTED = Date.UTC(2026, 0, 1);

/** Conversations of every kind that the simulator can make; the simplest is a plain call. */
const stories: fc.Arbitrary<Story> = fc.array(fc.nat(1_000_000), { maxLength: 40 }).map((numbers) => {
  const left = numbers.values();
  return storyFrom((below) => (left.next().value ?? 0) % below);
});

/** The interaction as it stands when it was handed in. */
function interactionOf({ id, handIn }: ConversationPlan): InteractionRow {
  const fields = { channel: null, subject: null, notes: null, attributes: null };
  const ids = { id: 'i1', conversation_id: id, customer_id: 'C-1', agent_id: handIn.agentId ?? '' };
  return { ...ids, ...fields, accepted_at: STARTED + handIn.at } as InteractionRow;
}

/** The record that comes of this work, without what tells how and when it was obtained. */
function recordOf(works: readonly (AfterCallWork | undefined)[], plan: ConversationPlan): Partial<HistoryRecord> {
  const known = works.filter((work) => work !== undefined);
  const [completion] = matchWork(known, [interactionOf(plan)]);
  if (!completion) throw new Error('No work completes the interaction.');
  const { obtainedBy: _by, capturedAt: _at, ...record } = recordOfWork(completion.interaction, completion.work, 0);
  return record;
}

function recordsOf(plan: ConversationPlan): Record<'byEvent' | 'inBulk' | 'singly', Partial<HistoryRecord>> {
  const { acw, bulk, single } = viewsOf(plan, STARTED);
  const topic = `v2.detail.events.conversation.${plan.id}.acw`;
  const inBulk = findingsOf(analyticsConversationsOf([bulk])).get(plan.id)?.finished ?? [];
  const singly = workOfConversation(plan.id, conversationOf(single)).finished;
  return {
    byEvent: recordOf(
      acw.map((body) => workOfEvent(topic, body)),
      plan,
    ),
    inBulk: recordOf(inBulk.toSorted(byRank), plan),
    singly: recordOf(singly.toSorted(byRank), plan),
  };
}

/** What the bulk look-up does not know. */
function asInBulk(record: Partial<HistoryRecord>, { ending }: Story): Partial<HistoryRecord> {
  const { durationMs, ...wrapup } = record.wrapup ?? {};
  // Skipped work has no segment and no metric.
  return { ...record, wrapup: { ...wrapup, ...(ending !== 'skipped' && durationMs !== undefined && { durationMs }) } };
}

/** What the single look-up does not know, or only roughly, and what it alone knows. */
function asSingly(record: Partial<HistoryRecord>, story: Story): Partial<HistoryRecord> {
  const { wrapup = {}, media = {}, direction, ...rest } = record;
  // Of an e-mail only the customer's address can be told from the participants.
  const unknown = story.mediaType === 'EMAIL' && (story.direction === 'OUTBOUND' ? 'addressFrom' : 'addressTo');
  // Whole seconds; and the code's name, unless there was no code to choose.
  const durationMs = Math.round((wrapup.durationMs ?? 0) / 1000) * 1000;
  const name = story.ending === 'code' || story.ending === undefined ? story.wrapupName : undefined;
  return present<Partial<HistoryRecord>>({
    ...rest,
    // These have none singly.
    direction: ['SOCIALEXPRESSION', 'VIDEO'].includes(story.mediaType ?? '') ? undefined : direction,
    wrapup: present({ ...wrapup, name, durationMs }),
    media: unknown ? { ...media, [unknown]: undefined } : media,
  });
}

describe('the record of an interaction', () => {
  it('is the same by event, in bulk and singly, but for what only one of them knows', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const plan = planOf(story, 'any');
        const { byEvent, inBulk, singly } = recordsOf(plan);
        expect(byEvent.agentId).toBe(awaitedLeg(plan)?.userId);
        expect(inBulk).toEqual(asInBulk(byEvent, story));
        expect(singly).toEqual(asSingly(byEvent, story));
      }),
      { numRuns: 500 },
    );
  });
});
