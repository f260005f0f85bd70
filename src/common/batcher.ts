import { setImmediate as nextTurn } from 'node:timers/promises';

interface Waiting<T, R> {
  item: T;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

/** Longest wait for more while more keeps coming. */
const GATHER_MS = 5;

/**
 * Collects what arrives while the previous batch is being worked on, and hands it over together: one transaction (one
 * fsync) for many callers. It waits for more only while each turn of the event loop brings more, so that batching adds no
 * latency when there is nothing to batch.
 *
 * The handler answers one result per item, in order. When it throws, every caller of that batch gets the error.
 */
export class Batcher<T, R> {
  private readonly queue: Waiting<T, R>[] = [];
  private working = false;

  /**
   * @param maxSize most items handed over at once; the rest wait for the next batch.
   * @param failsAll whether an error is also that of those who wait: a caller must not wait for two timeouts in a row.
   */
  constructor(
    private readonly handler: (items: T[]) => Promise<R[]>,
    private readonly maxSize: number,
    private readonly failsAll: (error: unknown) => boolean = () => false,
  ) {}

  /** Items not handed over yet. */
  get waiting(): number {
    return this.queue.length;
  }

  /** Resolves with this item's result once its batch is done. */
  add(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.queue.push({ item, resolve, reject });
      if (!this.working) {
        this.working = true;
        void this.drain();
      }
    });
  }

  /** Never rejects: each failure goes to the callers of its batch. */
  private async drain(): Promise<void> {
    while (this.queue.length > 0) {
      await this.gather();
      const batch = this.queue.splice(0, this.maxSize);
      try {
        const results = await this.handler(batch.map((waiting) => waiting.item));
        batch.forEach((waiting, index) => waiting.resolve(results[index] as R));
      } catch (error) {
        const failed = this.failsAll(error) ? [...batch, ...this.queue.splice(0)] : batch;
        for (const waiting of failed) waiting.reject(error);
      }
    }
    this.working = false;
  }

  /** What has arrived at the sockets meanwhile belongs to the batch, too. */
  private async gather(): Promise<void> {
    const giveUpAt = performance.now() + GATHER_MS;
    let before: number;
    do {
      before = this.queue.length;
      await nextTurn();
    } while (this.queue.length > before && this.queue.length < this.maxSize && performance.now() < giveUpAt);
  }
}
