import { shapeOf } from '../common/mask.js';
import type { Log } from '../telemetry/logs.js';
import type { Settlement, Sink } from './sink.js';

/** Lines in one window; a receiver that refuses everything makes thousands of dead letters a minute. */
const LINES = 10;
const WINDOW_MS = 10_000;

/**
 * One warning for each delivery that is given up, with what is needed to find it and nothing of a customer. In a burst the
 * first ones of each ten seconds have theirs, and one line counts the others by their reasons.
 */
export class DeadLetterLog {
  private lines = 0;
  private readonly uncounted = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  /** @param stopping ends the window: what is counted so far is said */
  constructor(
    private readonly sink: Sink,
    private readonly log: Log,
    stopping: AbortSignal,
  ) {
    stopping.addEventListener('abort', () => this.endWindow(), { once: true });
  }

  /** Those that are stored as dead; others are ignored. */
  note(settlements: readonly Settlement[]): void {
    for (const settlement of settlements) if (settlement.state === 'dead') this.noteOne(settlement);
  }

  private noteOne({ delivery, attempts, error, status, answer }: Settlement): void {
    this.timer ??= setTimeout(() => this.endWindow(), WINDOW_MS).unref();
    const reason = error?.code ?? 'unknown';
    if (this.lines >= LINES) {
      this.uncounted.set(reason, (this.uncounted.get(reason) ?? 0) + 1);
      return;
    }
    this.lines += 1;
    this.log.warn(
      {
        ...(this.sink.about?.(delivery) ?? { delivery: delivery.id }),
        attempts,
        reason,
        ...(status === undefined ? {} : { status }),
        ...(answer === undefined ? {} : { answer: shapeOf(answer) }),
      },
      'given up: an operator decides (GET /ops/dead-letters)',
    );
  }

  private endWindow(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lines = 0;
    if (this.uncounted.size === 0) return;
    const reasons = Object.fromEntries(this.uncounted);
    const count = [...this.uncounted.values()].reduce((sum, each) => sum + each, 0);
    this.uncounted.clear();
    this.log.warn({ count, reasons }, 'more were given up: an operator decides (GET /ops/dead-letters)');
  }
}
