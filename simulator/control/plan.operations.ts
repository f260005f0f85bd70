import { z } from 'zod';
import { mixedDay, type PlannedConversation } from '../genesys/conversations/mixed-day.js';
import { awaitedLeg } from '../genesys/conversations/plan.js';
import { operation, type Operation } from './operation.js';

/** Conversations that go by a plan: begun up to the hand-in, then completed. */
export const planOperations: Operation[] = [
  operation(
    'POST /genesys/mixed-day',
    'Begin a day of varied conversations, each up to the moment at which it is handed in; the same seed, the same day',
    z.strictObject({
      seed: z.number().int().optional(),
      count: z.number().int().min(1).max(10_000).optional(),
    }),
    ({ genesys }, { body: { seed = 1, count } }) => {
      const day = mixedDay(seed, count);
      for (const { plan } of day) genesys.conversations.begin(plan);
      return { conversations: day.map(summaryOf) };
    },
  ),
  operation(
    'POST /genesys/conversations/:id/complete',
    'The rest of a conversation that has begun by a plan',
    z.strictObject({ suppressEvent: z.boolean().optional() }),
    ({ genesys }, { params, body: { suppressEvent = false } }) =>
      genesys.conversations.complete(params['id'] ?? '', { suppressEvent }),
  ),
];

/** What whoever hands it in has to know, and what is to come of it. */
function summaryOf({ name, story, plan }: PlannedConversation): unknown {
  const leg = awaitedLeg(plan);
  return {
    conversationId: plan.id,
    name,
    story,
    agentId: plan.handIn.agentId,
    expected: { agentId: leg?.userId, wrapupCode: leg?.work?.code },
  };
}
