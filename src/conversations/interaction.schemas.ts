import { z } from 'zod';
import { EXAMPLE } from '../http/example-ids.js';
import { pageLimit, reveal, storableText, whereObject } from '../http/schemas.js';
import { INTERACTION_STATUSES } from '../storage/schema.js';

/** The channels that a record may name, as in the README (Calling it). */
export const CHANNELS = ['CALL', 'CHAT', 'EMAIL', 'MESSAGE', 'CALLBACK', 'OTHER'] as const;
export type InteractionChannel = (typeof CHANNELS)[number];

/** Genesys ids are UUIDs of any version; upper case is accepted and made lower, as topics are compared by exact text. */
const guid = z.guid('must be a UUID, such as 4fce4357-7abc-44b9-81e5-64e1e9e0ccf1').transform((id) => id.toLowerCase());

/** Text that names something. Nobody finds again what is only spaces; an empty one is told by its length. */
const words = (max: number): z.ZodType<string, string> =>
  storableText(max, 1).refine(
    (text) => text === '' || text.trim() !== '',
    'must not be blank: it has nothing but spaces',
  );

const MAX_ATTRIBUTES = 32;

const attributes = z
  .record(storableText(64, 1), storableText(512, 0))
  .refine((map) => Object.keys(map).length <= MAX_ATTRIBUTES, {
    error: ({ input }) => `has ${String(Object.keys(input as object).length)} keys; the limit is ${MAX_ATTRIBUTES}`,
    when: whereObject,
  })
  .meta({ maxProperties: MAX_ATTRIBUTES, description: 'Names of 1 to 64 characters, for the history to keep.' });

const common = {
  conversationId: guid.meta({ description: 'The Genesys conversation.' }),
  customerId: words(128),
  agentId: guid.optional().meta({ description: "Genesys user id: only this agent's after-call work counts." }),
  channel: z.enum(CHANNELS).optional().meta({ description: "Absent: from the event's media type." }),
  subject: storableText(256, 0).optional(),
  notes: storableText(4_000, 0).optional(),
  attributes: attributes.optional(),
};

/** Body of `POST /customers/supportInteraction`. */
export const supportInteractionSchema = z.strictObject(common).meta({
  example: {
    conversationId: EXAMPLE.conversationId,
    customerId: EXAMPLE.customerId,
    agentId: EXAMPLE.agentId,
    channel: 'CALL',
    subject: 'Invoice 77',
    notes: 'Asks why it is higher than the last one.',
    attributes: { caseId: '88' },
  },
});
export type SupportInteraction = z.infer<typeof supportInteractionSchema>;

/** A week of after-call work is certainly a mistake in the unit. */
const MAX_WRAPUP_MS = 7 * 24 * 60 * 60 * 1000;

/** Clocks and zones of callers may be wrong by hours; more is a mistake in the date. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/** Body of `POST /customers/supportResult`. */
export const supportResultSchema = z
  .strictObject({
    ...common,
    direction: z.enum(['INBOUND', 'OUTBOUND']).optional(),
    wrapupCode: words(256),
    wrapupNotes: storableText(4_000, 0).optional(),
    wrapupDurationMs: z
      .int()
      .min(0)
      .max(MAX_WRAPUP_MS)
      .optional()
      .meta({ description: 'Milliseconds, a week at most.' }),
    endedAt: z.iso
      .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-01-31T12:00:00Z' })
      .refine((iso) => !(Date.parse(iso) > Date.now() + MAX_AHEAD_MS), {
        error: ({ input }) => `is ${String(input)}, more than 24 hours ahead; give the time at which the work ended`,
      })
      .optional()
      .meta({ description: 'When the work ended, at most 24 hours ahead.' }),
  })
  .meta({
    example: {
      conversationId: EXAMPLE.conversationId,
      customerId: EXAMPLE.customerId,
      agentId: EXAMPLE.agentId,
      channel: 'CALL',
      direction: 'INBOUND',
      wrapupCode: 'RESOLVED',
      wrapupNotes: 'Explained the invoice.',
      wrapupDurationMs: 15_000,
      endedAt: '2026-01-31T12:00:00Z',
      attributes: { caseId: '88' },
    },
  });
export type SupportResult = z.infer<typeof supportResultSchema>;

export const interactionIdSchema = z
  .guid('must be the id of an interaction, a UUID')
  .transform((id) => id.toLowerCase());

/** ISO text, taken as epoch ms. */
const time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-01-31T12:00:00Z' })
  .transform((iso) => Date.parse(iso));

/** Query of `GET /customers/supportInteraction`. */
export const interactionListSchema = z.strictObject({
  conversationId: guid.optional(),
  customerId: storableText(128, 1).optional(),
  agentId: guid.optional().meta({ description: 'Those handed in for this agent.' }),
  channel: z.enum(CHANNELS).optional().meta({ description: 'Those handed in with this channel.' }),
  errorCode: storableText(100, 1)
    .optional()
    .meta({ description: 'Those whose `lastError` has this code, such as history.http-422.' }),
  status: z.enum(INTERACTION_STATUSES).optional(),
  acceptedAfter: time.optional().meta({ description: 'This time included.' }),
  acceptedBefore: time.optional().meta({ description: 'This time not included.' }),
  limit: pageLimit(200, 50),
  cursor: z.string().max(200).optional(),
  reveal,
});
export type InteractionListQuery = z.infer<typeof interactionListSchema>;
/** Which interactions, and how many of them. */
export type InteractionFilter = Omit<InteractionListQuery, 'reveal'>;
