import { randomUUID } from 'node:crypto';
import type { Conversation, Party } from './conversation.js';
import { common, type DetailEvent } from './detail-events.js';

type Facts = Record<string, unknown>;

/** The way of a conversation to its agent: the customer, the flow and the queue, or a campaign. Fields as in the SDK's models. */
export function beginning(conversation: Conversation): DetailEvent[] {
  const { customer, startedAt, queueId } = conversation;
  const arrived = at(conversation, 'customer.start', customer, startedAt, {});
  if (conversation.direction === 'OUTBOUND') return [arrived, outbound(conversation)];
  const flow = flowFacts(conversation);
  const routing = { queueId, requestedRoutings: ['STANDARD'], requestedRoutingSkillIds: [], routingPriority: 0 };
  return [
    arrived,
    at(conversation, 'flow.start', conversation.ivr, startedAt, flow),
    at(conversation, 'flow.end', conversation.ivr, startedAt, {
      ...flow,
      disconnectType: 'TRANSFER',
      exitReason: 'TRANSFER',
      transferType: 'ACD',
      connectedDurationMs: 0,
    }),
    at(conversation, 'acd.start', conversation.acd, startedAt, routing),
    at(conversation, 'acd.end', conversation.acd, startedAt, {
      ...routing,
      disconnectType: 'TRANSFER',
      acdOutcome: 'ANSWERED',
      usedRouting: 'STANDARD',
      connectedDurationMs: 0,
    }),
  ];
}

/** Somebody set participant data: the customer's, as flows and scripts do. */
export function attributes(conversation: Conversation, values: Record<string, string>, now: number): DetailEvent {
  const { eventTime, conversationId, participantId, ...others } = common(conversation, conversation.customer, now);
  const { conversationExternalContactIds, conversationExternalOrganizationIds } = others;
  const externals = { conversationExternalContactIds, conversationExternalOrganizationIds };
  const body = { eventTime, conversationId, participantId, attributes: values, ...externals };
  return { name: 'attributes', body, background: true };
}

/** The customer is recognised. */
export function contact(conversation: Conversation, externalContactId: string, now: number): DetailEvent {
  return at(conversation, 'contact', conversation.customer, now, { externalContactId });
}

export function flowOutcome(conversation: Conversation, value: 'SUCCESS' | 'FAILURE', now: number): DetailEvent {
  return at(conversation, 'flow.outcome', conversation.ivr, now, {
    ...flowFacts(conversation),
    flowOutcomeId: randomUUID(),
    flowOutcomeStartTime: conversation.startedAt,
    flowOutcomeEndTime: now,
    flowOutcomeValue: value,
    flowMilestones: [],
  });
}

/** The customer left a message of that length. */
export function voicemail(conversation: Conversation, lengthMs: number, now: number): DetailEvent[] {
  const { customer, queueId } = conversation;
  const ended = { queueId, disconnectType: 'PEER', connectedDurationMs: lengthMs };
  return [
    at(conversation, 'voicemail.start', customer, now - lengthMs, { queueId }),
    at(conversation, 'voicemail.end', customer, now, ended),
  ];
}

function outbound(conversation: Conversation): DetailEvent {
  const campaign = { outboundCampaignId: randomUUID(), outboundContactId: randomUUID() };
  return at(conversation, 'outbound', conversation.customer, conversation.startedAt, {
    ...campaign,
    outboundContactListId: randomUUID(),
  });
}

function flowFacts({ ivr, media }: Conversation): Facts {
  const flowType = media.event === 'VOICE' ? 'INBOUNDCALL' : `INBOUND${media.event}`;
  return { flowType, flowId: ivr.flowId, flowVersion: '1.0' };
}

function at(conversation: Conversation, name: string, party: Party, time: number, facts: Facts): DetailEvent {
  return { name, body: { ...common(conversation, party, time), ...facts }, background: true };
}
