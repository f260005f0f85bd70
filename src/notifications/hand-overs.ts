import { filter, firstValueFrom, type Observable } from 'rxjs';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import type { Log } from '../telemetry/logs.js';
import type { Channel } from './channel.js';
import type { ChannelFleet } from './channel-fleet.service.js';
import type { TopicPlacements } from './topic-placements.js';

/**
 * Make before break: a new channel is made, all topics are confirmed there, and only then the old one is let go. One at a
 * time in this process, since only one channel is kept free for it (`CHANNEL_MAX_COUNT`); the database sees to it that the
 * other replicas wait, too.
 */
export class HandOvers {
  private queue: Promise<void> = Promise.resolve();

  /** @param changes$ something that a hand-over may wait for has changed; now and then without a reason, to look again. */
  constructor(
    private readonly fleet: ChannelFleet,
    private readonly placements: TopicPlacements,
    private readonly changes$: Observable<void>,
    private readonly log: Log,
  ) {}

  /** Moves all topics away from `old` when its turn comes, and lets it go; gives up when `term` aborts. */
  move(old: Channel, term: AbortSignal): Promise<void> {
    const moved = this.queue.then(() => this.moveAll(old, term));
    this.queue = moved.catch(() => undefined);
    return moved;
  }

  private async moveAll(old: Channel, term: AbortSignal): Promise<void> {
    const over = (): boolean => term.aborted || old.state === 'closed' || this.isCoveredElsewhere(old);
    while (!over()) {
      const successor = this.due(old).length > 0 ? await this.successorOf(old) : undefined;
      if (over()) continue;
      if (successor) for (const topic of this.due(old)) this.placements.put(topic, successor);
      await this.changed(() => over() || successor === undefined || successor.state === 'closed');
    }
    while (!term.aborted && !(await this.fleet.retire(old))) await this.changed(() => true);
  }

  private due(old: Channel): string[] {
    return this.placements.dueFrom(old, performance.now());
  }

  /** Undefined when there is no place for one now, or the database cannot tell. */
  private async successorOf(old: Channel): Promise<Channel | undefined> {
    try {
      return await this.fleet.addForHandOver(old);
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      this.log.debug({ err: error, channel: old.stored?.no }, 'a hand-over waits for the database');
      return undefined;
    }
  }

  private async changed(condition: () => boolean): Promise<void> {
    await firstValueFrom(this.changes$.pipe(filter(condition)), { defaultValue: undefined });
  }

  private isCoveredElsewhere(old: Channel): boolean {
    const now = performance.now();
    return [...old.subscriptions.wantedTopics].every((topic) => this.placements.isSettledBeside(topic, old, now));
  }
}
