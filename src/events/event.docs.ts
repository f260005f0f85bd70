import { EXAMPLE } from '../http/example-ids.js';
import { EVENT_VERSION } from './event-bodies.js';

const ID = { type: 'string', format: 'uuid' } as const;
const TIME = { type: 'string', format: 'date-time' } as const;
const NUMBER = { type: 'integer' } as const;
const TEXT = { type: 'string' } as const;
const CUSTOMER = { ...TEXT, example: EXAMPLE.customerId };

const HEAD = {
  version: { type: 'integer', enum: [EVENT_VERSION], description: 'Fields may be added to a version, never removed.' },
  at: TIME,
};

function body(event: string, description: string, fields: object, optional: readonly string[] = []): object {
  const properties = { ...HEAD, event: { type: 'string', enum: [event] }, ...fields };
  return {
    type: 'object',
    description,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
  };
}

const interaction = (kind: string, description: string, fields: object, optional?: readonly string[]): object =>
  body(
    kind,
    `Pushed on genesys.conversation.<conversation id, hyphens as underscores>.${kind}: ${description}`,
    { conversationId: ID, interactionId: ID, ...fields },
    optional,
  );

/** The bodies of the gateway's own events, as they are pushed to whoever subscribes to their tags. */
export const EVENT_SCHEMAS = {
  EventAccepted: interaction('accepted', 'an interaction is durable.', { customerId: CUSTOMER, agentId: ID }, [
    'agentId',
  ]),
  EventAcw: interaction('acw', 'its after-call work is finished, the record is on its way to the history.', {
    record: { type: 'object', description: 'As it is sent to CommunicationHistory-manager, before any mapping.' },
  }),
  EventDelivered: interaction('delivered', 'the history has its record.', { attempts: NUMBER }),
  EventDead: interaction('dead', 'the history did not take its record; it waits for an operator.', {
    attempts: NUMBER,
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { ...TEXT, example: 'history.http-422' },
        message: { ...TEXT, example: 'the history service answered 422' },
      },
    },
  }),
  EventExpired: interaction(
    'expired',
    'no after-call work came within INTERACTION_TTL_HOURS.',
    { customerId: CUSTOMER, agentId: ID },
    ['agentId'],
  ),
  EventClosing: body(
    'closing',
    'Pushed on genesys.channel.<n>.closing: Genesys closes the socket, a hand-over begins.',
    {
      channel: NUMBER,
    },
  ),
  EventGap: body(
    'gap',
    'Pushed on genesys.gap, when topics are not covered any more and when they are again.',
    {
      gapId: ID,
      state: { type: 'string', enum: ['open', 'closed'] },
      reason: { ...TEXT, example: 'restart' },
      topics: NUMBER,
      from: TIME,
      to: TIME,
      channel: NUMBER,
    },
    ['to', 'channel'],
  ),
};
