import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../storage/database.js';
import { HEARD_LATE_MS, type LookupWait, lookupWait } from './lookup-schedule.js';
import { least } from './waiting-rows.js';

type Clock = Pick<Database, 'kind' | 'now'>;

/** The columns that say when Genesys is asked next: after this wait, but never later than the interaction expires. */
export function afterWait({ kind, now }: Clock, { inMs, openInMs }: LookupWait): NextLookup {
  const notPastExpiry = (ms: number): RawBuilder<number> => sql`
    case when expires_at > ${now} then ${sql.raw(least(kind))}(${now} + ${sql.lit(ms)}, expires_at) else ${now} + ${sql.lit(ms)} end`;
  return { lookup_at: notPastExpiry(inMs), lookup_open_at: notPastExpiry(openInMs) };
}

/** Events may have been missed: the patient series begins. */
export function inGap(clock: Clock, sweepMs: number): NextLookup & Series {
  return { ...afterWait(clock, lookupWait('gap', 0, sweepMs)), lookup_series: sql`'gap'`, lookup_step: sql`0` };
}

/**
 * Events come from now on. Whoever had to wait for that for long, or was not heard for a while, may have missed some: the series
 * of a gap begins anew. The others are asked for together with those of the last half minute.
 */
export function heardNow(clock: Clock, sweepMs: number): NextLookup & Series {
  const late = sql`(listening_at is null and accepted_at < ${clock.now} - ${sql.lit(HEARD_LATE_MS)})`;
  const missed = sql`(lookup_series = 'gap' or ${late})`;
  const gap = inGap(clock, sweepMs);
  const heard = afterWait(clock, lookupWait('heard', 0, sweepMs));
  const either = <T>(then: RawBuilder<T>, otherwise: RawBuilder<T>): RawBuilder<T> =>
    sql`case when ${missed} then ${then} else ${otherwise} end`;
  return {
    lookup_at: either(gap.lookup_at, heard.lookup_at),
    lookup_open_at: either(gap.lookup_open_at, heard.lookup_open_at),
    lookup_series: either(sql`'gap'`, sql`'heard'`),
    lookup_step: sql`0`,
  };
}

interface NextLookup {
  lookup_at: RawBuilder<number>;
  lookup_open_at: RawBuilder<number>;
}

interface Series {
  lookup_series: RawBuilder<'heard' | 'gap'>;
  lookup_step: RawBuilder<number>;
}
