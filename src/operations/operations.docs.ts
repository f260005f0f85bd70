import { EXAMPLE } from '../http/example-ids.js';
import { pageOf, schemaOf } from '../http/example-schema.js';
import { CHANNEL_STATES } from '../notifications/channel-state.js';
import type { ChannelView } from './channel.view.js';
import type { ClientView } from './client.view.js';
import type { Ledger } from './ledger.repository.js';
import type { GapView } from './operations.views.js';
import type { PushLedger } from './push.repository.js';
import type { PendingPushesView, PushSubscriptionView } from './push.views.js';
import type { AuditView } from './replay.views.js';

const NULLABLE = { nullable: true };

export const LEDGER_SCHEMA = schemaOf<Ledger>({
  accepted: 2,
  listening: 38,
  captured: 1,
  delivered: 12_440,
  dead: 1,
  discarded: 3,
  expired: 12,
  cancelled: 7,
  total: 12_504,
});

export const PUSH_LEDGER_SCHEMA = schemaOf<PushLedger>({
  pending: 4,
  delivered: 880,
  dead: 2,
  discarded: 1,
  cancelled: 5,
  total: 892,
});

const CHANNEL_SCHEMA = schemaOf<ChannelView>(
  {
    no: 1,
    hash: '5f2c9a1e',
    state: 'open',
    topics: 38,
    wanted: 38,
    lastFrameAgeMs: 4_210,
    createdAt: '2026-01-31T08:00:00.000Z',
    expiresAt: '2026-02-01T08:00:00.000Z',
  },
  {
    fields: {
      no: NULLABLE,
      hash: NULLABLE,
      state: { enum: [...CHANNEL_STATES] },
      topics: { description: 'That Genesys has confirmed.' },
      wanted: { description: 'That are wanted here.' },
      lastFrameAgeMs: NULLABLE,
      createdAt: NULLABLE,
      expiresAt: NULLABLE,
    },
  },
);
export const CHANNELS_SCHEMA = pageOf(CHANNEL_SCHEMA);

const CLIENT_SCHEMA = schemaOf<ClientView>(
  {
    name: 'default',
    channels: { inUse: 1, max: 20 },
    budget: {
      perMinute: 285,
      usedLastMinute: 3,
      waiting: { channel: 0, gap: 0, sweep: 0 },
      pausedUntil: '2026-01-31T12:00:30.000Z',
    },
    requests: {
      hours: 24,
      total: 4_320,
      byOperation: { 'get-conversation-details': 4_310, 'create-channel': 2, subscribe: 8 },
      perDay: 4_320,
      interactions: 43_200,
      perInteraction: 0.1,
    },
  },
  {},
);
export const CLIENTS_SCHEMA = pageOf(CLIENT_SCHEMA);

const GAP_SCHEMA = schemaOf<GapView>(
  {
    id: EXAMPLE.gapId,
    channel: 1,
    reason: 'restart',
    from: '2026-01-31T11:58:00.000Z',
    to: '2026-01-31T11:58:03.500Z',
    seconds: 3.5,
    topics: 38,
    lookedUp: 38,
    recovered: 3,
    unresolved: 0,
  },
  {
    fields: {
      channel: NULLABLE,
      to: { ...NULLABLE, description: 'Null while it is open.' },
      seconds: NULLABLE,
      unresolved: { ...NULLABLE, description: 'Interactions that still wait although the gap is closed.' },
    },
  },
);
export const GAPS_SCHEMA = pageOf(GAP_SCHEMA);

const PUSH_SUBSCRIPTION_SCHEMA = schemaOf<PushSubscriptionView>(
  {
    id: EXAMPLE.subscriptionId,
    subscriberId: 'crm',
    filter: 'orders.*',
    type: 'httpcb',
    device: 'https://crm.example',
    debug: false,
    providerName: 'default',
    language: 'en-US',
    authorization: true,
    createdBy: 'crm',
    createdAt: '2026-01-31T08:00:00.000Z',
    expiresAt: '2026-02-01T08:00:00.000Z',
  },
  {
    fields: {
      device: { description: "The origin of a callback; otherwise a hash of the device's id." },
      language: NULLABLE,
      authorization: { description: 'Whether it has one.' },
    },
  },
);
export const PUSH_SUBSCRIPTIONS_SCHEMA = pageOf(PUSH_SUBSCRIPTION_SCHEMA, `1769846400000.${EXAMPLE.subscriptionId}`);

const PENDING_PUSHES_SCHEMA = schemaOf<PendingPushesView>(
  {
    destination: 'https://crm.example',
    waiting: 12,
    oldestWaitingMs: 484_000,
    attempts: 9,
    nextAttemptAt: '2026-01-31T12:14:00.000Z',
    lastError: {
      code: 'push.unreachable',
      message: 'the receiver cannot be reached: ENOTFOUND',
      status: null,
      at: '2026-01-31T12:10:00.000Z',
    },
  },
  {
    fields: {
      destination: { description: 'The origin of a callback, or the push service with the provider.' },
      waiting: { description: 'Pushes that wait, those under way not counted; 1,000 are counted at most.' },
      attempts: { description: 'The most that were made for one of them.' },
      nextAttemptAt: { description: 'Not before; while it fails only a probe goes out.' },
      lastError: { ...NULLABLE, description: 'Null while none of them failed.' },
    },
  },
);
export const PENDING_PUSHES_PAGE_SCHEMA = pageOf(PENDING_PUSHES_SCHEMA, 'https://crm.example');

const AUDIT_SCHEMA = schemaOf<AuditView>(
  {
    at: '2026-01-31T12:10:00.000Z',
    actor: 'ops-team',
    action: 'dead-letter.replay',
    target: EXAMPLE.recordId,
    details: {
      interactionId: EXAMPLE.interactionId,
      conversationId: EXAMPLE.conversationId,
      reason: 'history.http-422',
    },
  },
  {
    fields: {
      // Mostly an id, but not always, so it has no format.
      target: {
        format: undefined,
        description: 'The id of what it was done to; interactions for a list that was shown.',
      },
      details: { required: [], additionalProperties: true, description: 'What belongs to the action.' },
    },
  },
);
export const AUDIT_PAGE_SCHEMA = pageOf(AUDIT_SCHEMA, '4711');

/** Lines of what Prometheus gets. */
export const METRICS_EXAMPLE = [
  '# HELP gateway_interactions Interactions in the database, of all replicas.',
  '# TYPE gateway_interactions gauge',
  'gateway_interactions{status="delivered"} 12440',
  '',
].join('\n');
