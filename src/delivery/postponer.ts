import { setTimeout as sleep } from 'node:timers/promises';
import { backoffDelay } from '../common/backoff.js';
import type { BackgroundTasks } from '../common/background-tasks.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import type { DeliveryRepository } from './delivery.repository.js';
import type { Postponed } from './postponement.js';

const RETRY = { baseMs: 50, capMs: 2_000 };

/** Gives deliveries back with a later time. While the database is away it tries again, for as long as the claims hold. */
export class Postponer {
  constructor(
    private readonly deliveries: Pick<DeliveryRepository, 'postpone'>,
    private readonly leaseMs: number,
    private readonly tasks: BackgroundTasks,
    private readonly stopping: AbortSignal,
  ) {}

  /** In the background. Never rejects: `tasks` reports what fails. */
  postponeSoon(postponed: readonly Postponed[]): void {
    if (postponed.length > 0) this.tasks.run('postpone', () => this.postpone(postponed));
  }

  /** @throws StorageUnavailableError when the database stays away: the claims run out, and others find the deliveries due. */
  private async postpone(postponed: readonly Postponed[]): Promise<void> {
    const since = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.deliveries.postpone(postponed);
      } catch (error) {
        const over = this.stopping.aborted || performance.now() - since > this.leaseMs;
        if (over || !(error instanceof StorageUnavailableError)) throw error;
        await sleep(backoffDelay(RETRY, attempt), undefined, { signal: this.stopping }).catch(() => undefined);
      }
    }
  }
}
