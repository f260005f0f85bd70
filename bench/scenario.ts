import type { LatencySummary } from './report/latencies.js';
import type { Usage } from './processes/usage.js';
import type { Stage } from './stage.js';

/** One run of one side: the gateway, or the bare program beside it. */
export interface Run {
  /** What is counted a second; absent where the scenario measures times or sizes only. */
  perSecond?: number;
  latency?: LatencySummary;
  /** By process: `gateway` or the bare program's name, `load`, `postgres`. */
  usage?: Record<string, Usage>;
  /** Other figures by name, unit in the name. */
  figures?: Record<string, number>;
}

/** One side of a scenario over all rounds. */
export interface Side {
  name: string;
  runs: Run[];
}

/** A figure that something is promised about. */
export interface Target {
  name: string;
  value: number;
  /** `min`: at least; `max`: at most. */
  limit: Limit;
  /** Empty for a ratio of two sides. */
  unit: string;
  /** Nothing is promised; this is what it was when it was last looked at, and a fall below it wants an explanation. */
  isUsual?: true;
  /** What is reached where the limit is not: the short run is judged by it. */
  reached?: number;
  /**
   * It is about the slowest few, of which a short run has too few to judge: in 1,500 requests the 1 % is the load generator's
   * own first moments, 50 to 550 ms of them from run to run while no request took the gateway more than 100.
   */
  isTail?: true;
}

export type Limit = { min: number } | { max: number };

export interface Outcome {
  sides: Side[];
  targets: Target[];
  /** Conditions and sizes of this run, one line each. */
  notes: string[];
}

export interface Scenario {
  name: string;
  /** One line for `--list`. */
  about: string;
  /** What `perSecond` counts. */
  unit: string;
  /** Whether the short run has it: a tenth of it, on a busy machine, still says something. */
  inShort: boolean;
  run(stage: Stage): Promise<Outcome>;
}
