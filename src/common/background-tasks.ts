import { asError } from './errors.js';

/**
 * Owner of work that nobody awaits. Every promise started here is tracked until it settles, so that shutdown (and a
 * test's leak check) can wait for it, and a rejection is reported instead of becoming an unhandled one.
 */
export class BackgroundTasks {
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly onError: (error: Error, task: string) => void) {}

  /** Starts `work` now; `task` names it in the report of a failure. */
  run(task: string, work: () => Promise<unknown>): void {
    const tracked: Promise<void> = this.settle(task, work).finally(() => this.running.delete(tracked));
    this.running.add(tracked);
  }

  /** How many tasks have not settled yet. */
  get size(): number {
    return this.running.size;
  }

  /** Resolves when everything has settled, including what was started meanwhile. Never rejects. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private async settle(task: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.onError(asError(error), task);
    }
  }
}
