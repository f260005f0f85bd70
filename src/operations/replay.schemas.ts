import { z } from 'zod';
import { pageLimit, storableText, whereObject } from '../http/schemas.js';
import type { ReplayFilter } from '../replay/replay-filter.js';
import { sinkName } from './operations.schemas.js';

const guid = z.guid('must be a UUID').transform((id) => id.toLowerCase());

/** ISO text, taken as epoch ms. */
const time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-01-31T12:00:00Z' })
  .transform((iso) => Date.parse(iso));

const filter = z
  .strictObject(
    {
      reason: storableText(100, 1).optional(),
      sink: sinkName.optional(),
      conversationId: guid.optional(),
      interactionId: guid.optional(),
      diedAfter: time.optional(),
      diedBefore: time.optional(),
    },
    { error: ({ input }) => (input === undefined ? 'is required; give {} to take all' : undefined) },
  )
  .refine(
    ({ diedAfter, diedBefore }) => diedAfter === undefined || diedBefore === undefined || diedAfter < diedBefore,
    {
      message: 'must be later than diedAfter',
      path: ['diedBefore'],
    },
  );

/** The schema's optional fields may be there and undefined; the filter's may only be absent. */
export function definedFilter(given: z.infer<typeof filter>): ReplayFilter {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const DEFAULT_RATE = 50;
/** The delivery path manages some thousands a second, and new records want their share. */
const MAX_RATE = 1_000;

/** Body of `POST /ops/dead-letters/replay`. An empty filter takes all; the body itself must be there. */
export const replaySchema = z
  .strictObject({
    filter: filter.default({}),
    dryRun: z.boolean().default(false),
    ratePerSecond: z.int().min(1).max(MAX_RATE).default(DEFAULT_RATE),
    requestId: storableText(100, 1).optional(),
  })
  .meta({
    example: {
      filter: { reason: 'history.http-422', diedAfter: '2026-01-31T11:00:00Z' },
      dryRun: false,
      ratePerSecond: 50,
      requestId: 'after-the-outage',
    },
  });
export type ReplayBody = z.infer<typeof replaySchema>;

const why = storableText(500, 1).meta({ description: 'Why; goes into the audit.' });

/** Body of `POST /ops/dead-letters/{recordId}/discard`. */
export const discardOneSchema = z.strictObject({ reason: why }).meta({ example: { reason: 'sent by hand' } });
export type DiscardOneBody = z.infer<typeof discardOneSchema>;

/**
 * Body of `POST /ops/dead-letters/discard`. An empty filter takes all; it must be written, since what is discarded by
 * a filter that was forgotten does not come back.
 */
export const discardSchema = z
  .strictObject({
    filter: filter.meta({ description: 'Which ones; {} takes all.' }),
    dryRun: z.boolean().default(false),
    reason: why.optional().meta({ description: 'Why; goes into the audit. Only a dry run needs none.' }),
    requestId: storableText(100, 1).optional(),
  })
  .refine((body) => body.dryRun || body.reason !== undefined, {
    path: ['reason'],
    message: 'is required, but for a dry run',
    when: whereObject,
  })
  .meta({ example: { filter: { reason: 'history.http-422' }, dryRun: true, reason: 'sent by hand' } });
export type DiscardBody = z.infer<typeof discardSchema>;

export const replayIdSchema = z.guid('must be the id of a job, a UUID').transform((id) => id.toLowerCase());

/** Query of `GET /ops/replays` and `GET /ops/discards`. */
export const replaysSchema = z.strictObject({ limit: pageLimit(500, 50) });
export type ReplaysQuery = z.infer<typeof replaysSchema>;

/** Query of `GET /ops/audit`. */
export const auditSchema = z.strictObject({
  limit: pageLimit(500, 50),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'is not a cursor of this list')
    .optional(),
});
export type AuditQuery = z.infer<typeof auditSchema>;
