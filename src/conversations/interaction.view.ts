import { MASKED } from '../common/mask.js';
import { recordIdOf } from '../history/record.js';
import type { InteractionRow } from '../storage/schema.js';
import { acwTopic } from './acw-topic.js';
import { present } from './after-call-work.js';
import type { InteractionDetails } from './interaction.repository.js';

/** What BOFE gets for handing something in. */
export interface AcceptedView {
  id: string;
  conversationId: string;
  customerId: string;
  status: string;
  topic: string;
  createdAt: string;
}

export function acceptedView(row: InteractionRow): AcceptedView {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    customerId: row.customer_id,
    status: row.status,
    topic: acwTopic(row.conversation_id),
    createdAt: isoOf(row.accepted_at) as string,
  };
}

/** Everything that is known about an interaction; absent values are left out. */
export interface InteractionView extends AcceptedView {
  agentId?: string;
  channel?: string;
  subject?: string;
  notes?: string;
  attributes?: Record<string, string>;
  correlationId?: string;
  recordId: string;
  expiresAt: string;
  acceptedAt: string;
  listeningAt?: string;
  capturedAt?: string;
  deliveredAt?: string;
  deadAt?: string;
  discardedAt?: string;
  expiredAt?: string;
  cancelledAt?: string;
  deliveryAttempts: number;
  lastError?: { code: string; message: string; at: string };
}

export function interactionView(row: InteractionDetails): InteractionView {
  return present<InteractionView>({
    ...acceptedView(row),
    agentId: row.agent_id === '' ? undefined : row.agent_id,
    channel: row.channel,
    subject: row.subject,
    notes: row.notes,
    attributes: row.attributes === null ? undefined : (JSON.parse(row.attributes) as Record<string, string>),
    correlationId: row.correlation_id,
    recordId: recordIdOf(row.id),
    acceptedAt: isoOf(row.accepted_at),
    expiresAt: isoOf(row.expires_at),
    listeningAt: isoOf(row.listening_at),
    capturedAt: isoOf(row.captured_at),
    deliveredAt: isoOf(row.delivered_at),
    deadAt: isoOf(row.dead_at),
    discardedAt: isoOf(row.discarded_at),
    expiredAt: isoOf(row.expired_at),
    cancelledAt: isoOf(row.cancelled_at),
    deliveryAttempts: row.delivery?.attempts ?? 0,
    lastError: lastErrorOf(row),
  });
}

/** The same for those who may not see what speaks of a customer: that there is something shows, what it is does not. */
export function maskedInteractionView(row: InteractionDetails): InteractionView {
  const { subject, notes, attributes, ...view } = interactionView(row);
  return {
    ...view,
    customerId: MASKED,
    ...(subject === undefined ? {} : { subject: MASKED }),
    ...(notes === undefined ? {} : { notes: MASKED }),
    ...(attributes === undefined
      ? {}
      : { attributes: Object.fromEntries(Object.keys(attributes).map((name) => [name, MASKED])) }),
  };
}

/** The delivery's error, once there is one; before that what keeps Genesys from listening. */
function lastErrorOf(row: InteractionDetails): InteractionView['lastError'] {
  const from = row.delivery && row.delivery.last_error_code !== null ? row.delivery : row;
  if (from.last_error_code === null || from.last_error_at === null) return undefined;
  return {
    code: from.last_error_code,
    message: from.last_error_message ?? '',
    at: new Date(from.last_error_at).toISOString(),
  };
}

function isoOf(time: number | null): string | undefined {
  return time === null ? undefined : new Date(time).toISOString();
}
