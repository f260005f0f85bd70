import { randomUUID } from 'node:crypto';
import type { InteractionChange } from '../conversations/interaction-followers.js';
import type { GapTold } from '../notifications/gap-recorder.service.js';
import type { OwnEvent } from '../push/publishing/push-events.js';

/** Version of the bodies. Fields may be added to a version; removing or changing one takes the next. */
export const EVENT_VERSION = 1;

/** The tag of an interaction's step: `genesys.conversation.<conversation>.<kind>`. */
export function interactionTag({ kind, interaction }: InteractionChange): string {
  return `genesys.conversation.${conversationTag(interaction.conversation_id)}.${kind}`;
}

/** An interaction's step as an event. @param at epoch ms */
export function interactionEvent(change: InteractionChange, at: number): OwnEvent {
  const { kind, interaction } = change;
  const conversationId = interaction.conversation_id;
  return {
    id: idOf(change),
    tag: interactionTag(change),
    orderKey: conversationId,
    body: {
      version: EVENT_VERSION,
      event: kind,
      at: new Date(at).toISOString(),
      conversationId,
      interactionId: interaction.id,
      ...detailsOf(change),
    },
  };
}

/** A record can die again after a replay, and an interaction can begin anew; every other step is taken once. */
function idOf(change: InteractionChange): string {
  if (change.kind === 'dead') return randomUUID();
  const step = `${change.interaction.id}:${change.kind}`;
  if (change.kind !== 'accepted' && change.kind !== 'expired') return step;
  return `${step}:${change.interaction.accepted_at}`;
}

/** A conversation's id as a part of a tag: tags know no hyphens. */
export function conversationTag(conversationId: string): string {
  return conversationId.replaceAll('-', '_');
}

function detailsOf(change: InteractionChange): object {
  switch (change.kind) {
    case 'accepted':
    case 'expired': {
      const { customer_id: customerId, agent_id: agentId } = change.interaction;
      return { customerId, ...(agentId === '' ? {} : { agentId }) };
    }
    case 'acw':
      return { record: change.record };
    case 'delivered':
      return { attempts: change.attempts };
    case 'dead':
      return { attempts: change.attempts, error: change.error };
    default:
      return change satisfies never;
  }
}

/** A stretch of time in which events may have been missed, when it begins and when it is over. */
export function gapEvent(gap: GapTold): OwnEvent {
  const state = gap.to === undefined ? 'open' : 'closed';
  return {
    id: `${gap.id}:${state}`,
    tag: 'genesys.gap',
    orderKey: 'gap',
    body: {
      version: EVENT_VERSION,
      event: 'gap',
      at: new Date(gap.to ?? Date.now()).toISOString(),
      gapId: gap.id,
      state,
      reason: gap.reason,
      topics: gap.topics,
      from: new Date(gap.from).toISOString(),
      ...(gap.to === undefined ? {} : { to: new Date(gap.to).toISOString() }),
      ...(gap.channelNo === undefined ? {} : { channel: gap.channelNo }),
    },
  };
}

/** Genesys has announced that it closes a channel's socket; a hand-over begins. */
export function closingEvent(channelNo: number): OwnEvent {
  return {
    id: randomUUID(),
    tag: `genesys.channel.${channelNo}.closing`,
    orderKey: 'channel',
    body: { version: EVENT_VERSION, event: 'closing', at: new Date().toISOString(), channel: channelNo },
  };
}
