import { createHistogram } from 'node:perf_hooks';

/** Milliseconds. */
export interface LatencySummary {
  count: number;
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

/** Latencies in Node.js' own HDR histogram: 1 µs to 10 minutes, three digits. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 });

  /** @param ms milliseconds */
  record(ms: number): void {
    this.#histogram.record(Math.max(1, Math.round(ms * 1_000)));
  }

  get count(): number {
    return this.#histogram.count;
  }

  summary(): LatencySummary {
    const at = (percentile: number): number => this.#histogram.percentile(percentile) / 1_000;
    const empty = this.#histogram.count === 0;
    return {
      count: this.#histogram.count,
      p50: at(50),
      p99: at(99),
      p999: at(99.9),
      max: empty ? 0 : this.#histogram.max / 1_000,
    };
  }
}
