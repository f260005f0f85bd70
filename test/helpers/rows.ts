import { randomUUID } from 'node:crypto';
import type { Insertable } from 'kysely';
import type { InteractionDraft } from '../../src/conversations/interaction-insert.js';
import type { ChannelTable, DeliveryTable, GapTable, NewInteraction } from '../../src/storage/schema.js';

/** Rows with every required column filled; `but` replaces some. */
export function interactionRow(but: Partial<NewInteraction> = {}): NewInteraction {
  return {
    id: randomUUID(),
    conversation_id: randomUUID(),
    customer_id: 'C-1',
    agent_id: '',
    request_hash: 'hash',
    status: 'accepted',
    owner: 'someone',
    accepted_at: 1,
    expires_at: 2,
    ...but,
  };
}

/** What intake makes of a request for a new interaction; `but` replaces some. */
export function interactionDraft(but: Partial<InteractionDraft> = {}): InteractionDraft {
  return {
    id: randomUUID(),
    conversationId: randomUUID(),
    customerId: 'C-1',
    agentId: '',
    requestHash: 'hash',
    channel: null,
    subject: null,
    notes: null,
    attributes: null,
    correlationId: null,
    ...but,
  };
}

export function deliveryRow(but: Partial<Insertable<DeliveryTable>> = {}): Insertable<DeliveryTable> {
  return {
    id: randomUUID(),
    sink: 'test',
    order_key: randomUUID(),
    subject_id: randomUUID(),
    payload: '{}',
    state: 'pending',
    // Named even though they have defaults: rows of one insert that differ in their columns get nulls in SQLite.
    attempts: 0,
    crashes: 0,
    due_at: 0,
    received_at: 1,
    created_at: 1,
    ...but,
  };
}

export function channelRow(but: Partial<Insertable<ChannelTable>> = {}): Insertable<ChannelTable> {
  return {
    genesys_id: randomUUID(),
    connect_uri: 'wss://secret',
    owner: 'someone',
    created_at: 1,
    last_seen_at: 1,
    ...but,
  };
}

export function gapRow(but: Partial<Insertable<GapTable>> = {}): Insertable<GapTable> {
  return { id: randomUUID(), reason: 'test', from_at: 1, topics: 1, owner: 'someone', ...but };
}
