import { applyDecorators } from '@nestjs/common';
import { ApiAcceptedResponse, ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse } from '@nestjs/swagger';
import { INTERACTION_STATUSES } from '../storage/schema.js';
import { CHANNELS } from './interaction.schemas.js';

const ID = { type: 'string', format: 'uuid' } as const;
const TEXT = { type: 'string' } as const;
const TIME = { type: 'string', format: 'date-time' } as const;

const ACCEPTED_FIELDS = {
  id: ID,
  conversationId: ID,
  customerId: TEXT,
  status: { type: 'string', enum: [...INTERACTION_STATUSES] },
  topic: { ...TEXT, example: 'v2.detail.events.conversation.4fce4357-7abc-44b9-81e5-64e1e9e0ccf1.acw' },
  createdAt: TIME,
};

const ACCEPTED = { type: 'object', required: Object.keys(ACCEPTED_FIELDS), properties: ACCEPTED_FIELDS };

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
};

const LOCATION = { Location: { description: 'Path of the interaction.', schema: TEXT } };

/** What a POST answers. */
export function ApiHandedIn(what: string): MethodDecorator {
  return applyDecorators(
    ApiAcceptedResponse({
      description: `Durable: the ${what} will be delivered.`,
      headers: LOCATION,
      schema: ACCEPTED,
    }),
    ApiOkResponse({
      description: `The same ${what} again: the first one, unchanged.`,
      headers: LOCATION,
      schema: ACCEPTED,
    }),
    ApiConflictResponse({ description: `interaction.conflict: there is one with another ${what}; it stays as it is` }),
  );
}

/** What a GET or DELETE of one interaction answers. */
export function ApiInteraction(): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description: 'The interaction; what is absent has no value.', schema: INTERACTION }),
    ApiNotFoundResponse({ description: 'interaction.not-found' }),
  );
}

export function ApiInteractionList(): MethodDecorator {
  const properties = {
    items: { type: 'array', items: INTERACTION },
    nextCursor: { ...TEXT, description: 'Absent on the last page.' },
  };
  return ApiOkResponse({ description: 'One page.', schema: { type: 'object', required: ['items'], properties } });
}
