import type { AfterCallWork } from './after-call-work.js';

/** Enough for the overlap of a hand-over and for repeats within minutes. */
const MAX_REMEMBERED = 10_000;

/**
 * Remembers the work that was captured of late, to tell a repeat (dropped, counted) from work that nobody waits for.
 * Only for counting: that nothing is recorded twice is the database's doing.
 */
export class RecentWork {
  private readonly seen = new Set<string>();

  /** @param captured whether it has just completed something */
  isRepeat(work: AfterCallWork, captured: boolean): boolean {
    const key = `${work.conversationId}/${work.participantId ?? ''}/${work.sessionId ?? ''}/${work.endedAt ?? ''}`;
    if (!captured) return this.seen.has(key);
    this.seen.add(key);
    const [oldest] = this.seen;
    if (this.seen.size > MAX_REMEMBERED && oldest !== undefined) this.seen.delete(oldest);
    return false;
  }
}
