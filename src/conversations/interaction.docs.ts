import { applyDecorators } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import { EXAMPLE } from '../http/example-ids.js';
import { ApiProblem } from '../http/problem-docs.js';
import { INTERACTION_STATUSES } from '../storage/schema.js';
import {
  InteractionCapturedError,
  InteractionConflictError,
  InteractionExpiredError,
  InteractionNotFoundError,
} from './interaction.errors.js';
import { CHANNELS } from './interaction.schemas.js';
import type { AcceptedView, InteractionView } from './interaction.view.js';

const ID = { type: 'string', format: 'uuid' } as const;
const TEXT = { type: 'string' } as const;
const TIME = { type: 'string', format: 'date-time' } as const;

const ACCEPTED_FIELDS = {
  id: ID,
  conversationId: ID,
  customerId: TEXT,
  status: { type: 'string', enum: [...INTERACTION_STATUSES] },
  topic: TEXT,
  createdAt: TIME,
};

const HANDED_IN: AcceptedView = {
  id: EXAMPLE.interactionId,
  conversationId: EXAMPLE.conversationId,
  customerId: EXAMPLE.customerId,
  status: 'accepted',
  topic: `v2.detail.events.conversation.${EXAMPLE.conversationId}.acw`,
  createdAt: '2026-01-31T11:55:00.000Z',
};

const DELIVERED: InteractionView = {
  ...HANDED_IN,
  status: 'delivered',
  agentId: EXAMPLE.agentId,
  channel: 'CALL',
  subject: 'Invoice 77',
  attributes: { caseId: '88' },
  recordId: EXAMPLE.recordId,
  acceptedAt: '2026-01-31T11:55:00.000Z',
  expiresAt: '2026-02-01T11:55:00.000Z',
  listeningAt: '2026-01-31T11:55:00.400Z',
  capturedAt: '2026-01-31T12:00:15.000Z',
  deliveredAt: '2026-01-31T12:00:15.080Z',
  deliveryAttempts: 1,
};

const ACCEPTED = {
  type: 'object',
  required: Object.keys(ACCEPTED_FIELDS),
  properties: ACCEPTED_FIELDS,
  example: HANDED_IN,
};

const INTERACTION = {
  type: 'object',
  required: [...Object.keys(ACCEPTED_FIELDS), 'recordId', 'acceptedAt', 'expiresAt', 'deliveryAttempts'],
  properties: {
    ...ACCEPTED_FIELDS,
    agentId: ID,
    channel: { type: 'string', enum: [...CHANNELS] },
    subject: TEXT,
    notes: TEXT,
    attributes: { type: 'object', additionalProperties: TEXT },
    correlationId: { ...TEXT, description: "The caller's X-Correlation-Id or traceparent." },
    recordId: { ...ID, description: 'The Idempotency-Key of its record.' },
    acceptedAt: TIME,
    expiresAt: TIME,
    listeningAt: TIME,
    capturedAt: TIME,
    deliveredAt: TIME,
    deadAt: TIME,
    discardedAt: TIME,
    expiredAt: TIME,
    cancelledAt: TIME,
    deliveryAttempts: { type: 'integer', minimum: 0 },
    lastError: {
      type: 'object',
      required: ['code', 'message', 'at'],
      properties: { code: TEXT, message: TEXT, at: TIME },
    },
  },
  example: DELIVERED,
};

const LOCATION = { Location: { description: 'Path of the interaction.', schema: TEXT } };

const CONFLICT = {
  interaction: InteractionConflictError.ofContents({
    id: EXAMPLE.interactionId,
    conversation_id: EXAMPLE.conversationId,
    status: 'listening',
  }),
  result: InteractionConflictError.ofResult({ id: EXAMPLE.interactionId, status: 'delivered' }),
};

/** What a POST answers. */
export function ApiHandedIn(what: 'interaction' | 'result'): MethodDecorator {
  const anew =
    ' One that is cancelled or expired and is handed in again begins anew under its id, also with other contents.';
  return applyDecorators(
    ApiAcceptedResponse({
      description: `Durable: the ${what} will be delivered.${what === 'interaction' ? anew : ''}`,
      headers: LOCATION,
      schema: ACCEPTED,
    }),
    ApiOkResponse({
      description: `The same ${what} again: the first one, unchanged.`,
      headers: LOCATION,
      schema: ACCEPTED,
    }),
    ApiProblem(`interaction.conflict: there is one with another ${what}; it stays as it is`, CONFLICT[what]),
  );
}

/** What a GET or DELETE of one interaction answers. */
export function ApiInteraction(): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description: 'The interaction; what is absent has no value.', schema: INTERACTION }),
    ApiProblem('interaction.not-found', new InteractionNotFoundError(EXAMPLE.interactionId)),
  );
}

/** What a DELETE answers besides. */
export function ApiNotCancelled(): MethodDecorator {
  return ApiProblem(
    'interaction.captured or interaction.expired: there is nothing to cancel any more',
    new InteractionCapturedError(EXAMPLE.interactionId, 'captured'),
    new InteractionExpiredError(EXAMPLE.interactionId),
  );
}

export function ApiInteractionList(): MethodDecorator {
  const properties = {
    items: { type: 'array', items: INTERACTION },
    nextCursor: { ...TEXT, description: 'Absent on the last page.' },
  };
  const example = {
    items: [DELIVERED],
    nextCursor: Buffer.from(`1769860500000:${EXAMPLE.interactionId}`).toString('base64url'),
  };
  return ApiOkResponse({
    description: 'One page.',
    schema: { type: 'object', required: ['items'], properties, example },
  });
}
