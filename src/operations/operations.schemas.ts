import { z } from 'zod';
import { HISTORY_SINK } from '../history/history.sink.js';
import { pageLimit, storableText } from '../http/schemas.js';
import { PUSH_SINKS } from '../push/subscriptions/subscription.js';

/** Where a delivery goes. */
export const sinkName = z.enum([HISTORY_SINK, ...PUSH_SINKS]);

/** Query of `GET /ops/dead-letters`. */
export const deadLettersSchema = z.strictObject({
  limit: pageLimit(500, 50),
  cursor: storableText(200, 1).optional(),
  reason: storableText(100, 1).optional(),
  sink: sinkName.optional(),
});
export type DeadLettersQuery = z.infer<typeof deadLettersSchema>;

/** Query of `GET /ops/gaps`. */
export const gapsSchema = z.strictObject({ limit: pageLimit(500, 50) });
export type GapsQuery = z.infer<typeof gapsSchema>;

export const recordIdSchema = z.guid('must be the id of a record, a UUID').transform((id) => id.toLowerCase());
