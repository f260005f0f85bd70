import type { Simulator } from '../../simulator/index.js';

/** An interaction that was accepted, and what its record must say. */
export interface Expected {
  interactionId: string;
  conversationId: string;
  wrapupCode: string;
}

export interface Audit {
  accepted: number;
  delivered: number;
  lost: number;
  /** Interactions with more than one record. */
  duplicates: number;
  /** Records with another wrap-up code, or of interactions that nobody handed in. */
  wrong: number;
  /** Requests with a key that had arrived before: the history service dropped them. */
  repeats: number;
  byLookup: number;
}

interface StoredRecord {
  interactionId?: string;
  obtainedBy?: string;
  wrapup?: { code?: string };
}

/** Compares what was handed in with what the history service keeps: its word, not the gateway's. */
export function audit(simulator: Simulator, expected: readonly Expected[]): Audit {
  const kept = [...simulator.history.records.values()] as StoredRecord[];
  const byInteraction = Map.groupBy(kept, (record) => record.interactionId);
  const known = new Map(expected.map((each) => [each.interactionId, each]));
  return {
    accepted: expected.length,
    delivered: expected.filter((each) => byInteraction.has(each.interactionId)).length,
    lost: expected.filter((each) => !byInteraction.has(each.interactionId)).length,
    duplicates: [...byInteraction.values()].filter((records) => records.length > 1).length,
    wrong: kept.filter((record) => record.wrapup?.code !== known.get(record.interactionId ?? '')?.wrapupCode).length,
    repeats: simulator.history.repeats,
    byLookup: kept.filter((record) => record.obtainedBy === 'lookup').length,
  };
}
