import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/** Which dead letters; all of them when nothing is given. */
export interface ReplayFilter {
  /** The error code that they died of. */
  reason?: string;
  /** `history`, `push` or `comet`. */
  sink?: string;
  conversationId?: string;
  interactionId?: string;
  /** Epoch ms, this one included. */
  diedAfter?: number;
  /** Epoch ms, this one not included. */
  diedBefore?: number;
}

const KEYS = ['reason', 'sink', 'conversationId', 'interactionId', 'diedAfter', 'diedBefore'] as const;

/** The same text for the same filter, whatever the order in which it was written. */
export function canonicalFilter(filter: ReplayFilter): string {
  return JSON.stringify(Object.fromEntries(KEYS.map((key) => [key, filter[key]])));
}

export function parseFilter(canonical: string): ReplayFilter {
  return JSON.parse(canonical) as ReplayFilter;
}

/**
 * Condition on `deliveries`. The plus signs keep both databases from walking the index by time of death: a replay walks
 * the one by order of insertion, a part at a time, and would sort all that are dead for each part.
 */
export function deadMatching(filter: ReplayFilter): RawBuilder<boolean> {
  const conditions = [sql`state = 'dead'`];
  if (filter.reason !== undefined) conditions.push(sql`last_error_code = ${filter.reason}`);
  if (filter.sink !== undefined) conditions.push(sql`sink = ${filter.sink}`);
  if (filter.conversationId !== undefined) conditions.push(sql`order_key = ${filter.conversationId}`);
  if (filter.interactionId !== undefined) conditions.push(sql`subject_id = ${filter.interactionId}`);
  if (filter.diedAfter !== undefined) conditions.push(sql`+dead_at >= ${sql.lit(filter.diedAfter)}`);
  if (filter.diedBefore !== undefined) conditions.push(sql`+dead_at < ${sql.lit(filter.diedBefore)}`);
  return sql<boolean>`${sql.join(conditions, sql` and `)}`;
}
