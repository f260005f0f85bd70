import type { InteractionRow } from '../storage/schema.js';
import type { AfterCallWork } from './after-call-work.js';

/** For clocks that differ and for a call to us that came late. docs/operations.md names the minute. */
const GRACE_MS = 60_000;

/**
 * Whether this work completes this interaction: the right agent, where one was named, and not work from before the
 * interaction (a conversation that was reopened has older work in its look-ups).
 */
export function completes(work: AfterCallWork, interaction: InteractionRow): boolean {
  return concerns(work, interaction) && !isTooOld(work, interaction);
}

/** The right conversation and agent; where none was named, not one who only was alerted while others talked. */
function concerns(work: AfterCallWork, interaction: InteractionRow): boolean {
  if (interaction.conversation_id !== work.conversationId) return false;
  return interaction.agent_id === '' ? work.outranked !== true : interaction.agent_id === work.userId;
}

/** Work tells its time by Genesys' clock, the interaction by the database's. */
function isTooOld({ endedAt, clockBehindMs = 0 }: AfterCallWork, interaction: InteractionRow): boolean {
  return endedAt !== undefined && endedAt + clockBehindMs < interaction.accepted_at - GRACE_MS;
}

/** Those for which an event is too old and nothing else: either it tells of older work, or the clocks differ. */
export function heardTooOld(works: readonly AfterCallWork[], waiting: readonly InteractionRow[]): InteractionRow[] {
  const events = works.filter((work) => work.obtainedBy === 'event');
  return waiting.filter((row) => {
    const about = events.filter((work) => concerns(work, row));
    return about.length > 0 && about.every((work) => isTooOld(work, row));
  });
}

export interface Completion {
  interaction: InteractionRow;
  work: AfterCallWork;
}

/**
 * Which work completes which of the waiting interactions: each at most once, by the first that fits. One piece of work
 * may complete several, for several customers of one conversation.
 */
export function matchWork(works: readonly AfterCallWork[], waiting: readonly InteractionRow[]): Completion[] {
  const open = new Map<string, Set<InteractionRow>>();
  for (const row of waiting) {
    const rows = open.get(row.conversation_id);
    if (rows) rows.add(row);
    else open.set(row.conversation_id, new Set([row]));
  }
  const completions: Completion[] = [];
  for (const work of works) {
    const rows = open.get(work.conversationId) ?? new Set<InteractionRow>();
    for (const interaction of rows) {
      if (!completes(work, interaction)) continue;
      rows.delete(interaction);
      completions.push({ interaction, work });
    }
  }
  return completions;
}
