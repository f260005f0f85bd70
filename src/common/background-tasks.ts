import { asError } from './errors.js';

/**
 * Owner of work that nobody awaits. Everything started here is counted until it settles, so that shutdown (and a
 * test's leak check) can wait for it, and a rejection is reported instead of becoming an unhandled one.
 */
export class BackgroundTasks {
  private running = 0;
  /** Told when nothing runs any more. */
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly onError: (error: Error, task: string) => void) {}

  /** Starts `work` now; `task` names it in the report of a failure. */
  run(task: string, work: () => Promise<unknown>): void {
    this.running++;
    void this.settle(task, work);
  }

  /** How many tasks have not settled yet. */
  get size(): number {
    return this.running;
  }

  /** Resolves when everything has settled, including what was started meanwhile. Never rejects. */
  async idle(): Promise<void> {
    while (this.running > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private async settle(task: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.onError(asError(error), task);
    } finally {
      if (--this.running === 0) for (const tell of this.waiting.splice(0)) tell();
    }
  }
}
