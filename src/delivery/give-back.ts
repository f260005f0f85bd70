import type { BackgroundTasks } from '../common/background-tasks.js';
import { StorageRetry } from '../storage/storage-retry.js';
import type { DeliveryRow } from '../storage/schema.js';
import type { Log } from '../telemetry/logs.js';
import type { Claim } from './claim.js';
import type { DeliveryRepository } from './delivery.repository.js';

/**
 * Gives claims back in the background. While the database is away it tries again: until it is done, the deliveries would
 * wait for the end of their lease.
 */
export class GiveBack {
  private readonly retry: StorageRetry;

  constructor(
    private readonly deliveries: Pick<DeliveryRepository, 'release' | 'releaseClaim'>,
    private readonly tasks: BackgroundTasks,
    log: Log,
  ) {
    this.retry = new StorageRetry(log);
  }

  /** Claims that will not be used now. */
  unused(deliveries: readonly DeliveryRow[]): void {
    this.tasks.run('give claims back', () =>
      this.retry.run('give claims back', () => this.deliveries.release(deliveries)),
    );
  }

  /** Nobody can tell whether a commit that broke off took place: whatever it stored with this claim, then `wake`. */
  unknown(claim: Claim, wake: () => void): void {
    this.tasks.run('give claims back', async () => {
      await this.retry.run('give claims back', () => this.deliveries.releaseClaim(claim));
      wake();
    });
  }

  /** Each is tried once from now on, so that nobody waits for a database that is away. */
  stop(): void {
    this.retry.stop();
  }
}
