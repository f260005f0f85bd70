/** Longest wait that a header is believed: a day. Genesys' daily limits and a receiver's maintenance reach to hours; anything beyond is a mistake. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * A `Retry-After` header in milliseconds from `now`: whole seconds, or an HTTP date (RFC 9110 §10.2.3). Undefined when
 * it is absent or unreadable; never negative, never more than a day.
 */
export function retryAfterMs(header: string | undefined, now: number = Date.now()): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,12}$/.test(text)) return Math.min(Number(text) * 1_000, LONGEST_MS);
  // Date.parse alone would read "-5" or "1.5" as a year or a month; HTTP dates, the two old forms too, begin with the weekday.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined;
  // The oldest form names no zone, and means this one.
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - now, 0), LONGEST_MS);
}
