import { sql, type RawBuilder } from 'kysely';
import { WAITS } from './claim.js';

/**
 * The table `names(destination)`, for a `with recursive`: destinations of the sink after `after` for which something waits, `limit` of them at
 * most, found by a jump in the index for each. Its last row may be null, for "no more".
 */
export function waitingDestinations(sink: string, after: string, limit: number): RawBuilder<unknown> {
  const next = (than: RawBuilder<unknown>) => sql`
    select destination from deliveries where sink = ${sink} and ${WAITS} and destination > ${than}
    order by destination limit 1`;
  return sql`names(destination, no) as (
    select (${next(sql`${after}`)}), 1
    union all
    select (${next(sql.ref('names.destination'))}), no + 1 from names where destination is not null and no < ${limit})`;
}
