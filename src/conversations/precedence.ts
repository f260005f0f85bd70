import type { AfterCallWork } from './after-call-work.js';

/** One agent's part in a conversation, as a look-up shows it. */
export interface AgentsPart {
  /** Whether the agent was called and did not answer. Where nothing tells of a call, the agent is taken to have talked. */
  onlyAlerted: boolean;
  /** Finished work. */
  work: AfterCallWork | undefined;
  /** Nothing has finished, and something may still come. */
  mayFollow: boolean;
}

/**
 * The finished work of these agents. Who was only alerted may have work, too, with a code (docs/wire-facts.md §5.3); it is
 * outranked while the conversation goes on, while somebody who talked may still finish, and when such a one finished later.
 */
export function rankedWork(parts: readonly AgentsPart[], goesOn: boolean): AfterCallWork[] {
  const talkers = parts.filter((part) => !part.onlyAlerted);
  const open = goesOn || talkers.some((part) => part.mayFollow);
  const lastEnd = Math.max(...talkers.flatMap(({ work }) => (work ? (work.endedAt ?? Infinity) : [])));
  return parts.flatMap(({ work, onlyAlerted }) => {
    if (!work) return [];
    const outranked = onlyAlerted && (open || lastEnd >= (work.endedAt ?? -Infinity));
    return outranked ? { ...work, outranked: true as const } : work;
  });
}

/** Outranked work after all other, and the earliest first. */
export function byRank(one: AfterCallWork, other: AfterCallWork): number {
  const rank = Number(one.outranked ?? false) - Number(other.outranked ?? false);
  return rank || (one.endedAt ?? 0) - (other.endedAt ?? 0);
}
