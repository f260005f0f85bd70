import type { LineWriter } from './outage-log.js';

/** Lines of many who may all have something to say at once: so many in a window, then one that says so, the rest at debug. */
export class RationedLines implements LineWriter {
  private told = 0;
  private since = -Infinity;

  /**
   * @param enough the last line of a window that had more
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly log: LineWriter,
    private readonly ration: { lines: number; windowMs: number },
    private readonly enough: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  warn(facts: object, message: string): void {
    if (this.mayTell()) this.log.warn(facts, message);
    else this.debug(facts, message);
  }

  info(facts: object, message: string): void {
    if (this.mayTell()) this.log.info(facts, message);
    else this.debug(facts, message);
  }

  debug(facts: object, message: string): void {
    this.log.debug(facts, message);
  }

  private mayTell(): boolean {
    const at = this.now();
    if (at - this.since >= this.ration.windowMs) {
      this.since = at;
      this.told = 0;
    }
    this.told++;
    if (this.told === this.ration.lines + 1) this.log.warn({}, this.enough);
    return this.told <= this.ration.lines;
  }
}
