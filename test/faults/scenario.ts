export type DatabaseKind = 'sqlite' | 'postgres';

/** What a scenario counted. `lost`, `distinctDuplicates` and `violations` must be 0 and empty. */
export interface Counts {
  /** How often the fault happened. */
  repetitions: number;
  /** Pieces of after-call work that ended for accepted interactions. */
  emitted: number;
  captured: number;
  delivered: number;
  lost: number;
  distinctDuplicates: number;
  /** Requests to the history beyond one per record, all under the same key. */
  repeats: number;
  worstRecoveryMs: number;
  /** What else was counted, for the reader. */
  extra: Record<string, number | string>;
  violations: string[];
  /** The end of the gateways' logs, when something was violated. */
  log?: string[];
}

export interface Result extends Counts {
  scenario: string;
  database: DatabaseKind | '-';
  seconds: number;
  /** Why it did not run. */
  skipped?: string;
}

export interface Context {
  database: DatabaseKind;
  /** Share of the whole set's size: 1, or less. */
  size: number;
  say(text: string): void;
}

/** One named fault and the invariants that hold through it. */
export interface Scenario {
  name: string;
  /** Numbers in the study of faults that this answers; docs/reliability.md names them. */
  study: readonly number[];
  /** What happens, for people. */
  fault: string;
  databases: readonly DatabaseKind[];
  /** Size of the quick set, part of the whole one's; 0: not in it. */
  quick: number;
  /** Databases of the quick set, where one will do. */
  quickOn?: readonly DatabaseKind[];
  /** It judges times of a fraction of a second, or needs both cores: no other scenario runs beside it. */
  alone?: boolean;
  run(context: Context): Promise<Counts>;
}

/** Thrown by a scenario that this machine cannot run; said loudly in the table. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** `whole` scaled to the size asked for, at least `least`. */
export function sized(context: Context, whole: number, least = 1): number {
  return Math.max(least, Math.round(whole * context.size));
}
