import { Subject, type Observable } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import type { Log } from '../telemetry/logs.js';
import type { ChannelFleet } from './channel-fleet.service.js';
import { chooseChannel } from './placement.js';
import type { TopicPlacements } from './topic-placements.js';

/** While the budget is used up, or the database cannot tell, it is asked this often whether there is room again. */
const ASK_FOR_ROOM_MS = 5_000;

/** Finds a channel for each topic that has none: one that has room, else a new one within the budget. */
export class TopicPlacer {
  /** Topics that no channel has room for, each once until it has got a place. */
  readonly noRoom$: Observable<string[]>;
  private readonly noRoom = new Subject<string[]>();
  private readonly tasks: BackgroundTasks;
  private due = false;
  /** The budget is being asked for a channel. */
  private asking = false;
  /** Monotonic ms before which it need not be asked again. */
  private askAgainAt = 0;

  /** @param term topics may be placed while it is there; another one means that all has been let go meanwhile. */
  constructor(
    private readonly fleet: ChannelFleet,
    private readonly placements: TopicPlacements,
    private readonly term: () => AbortSignal | undefined,
    private readonly log: Log,
  ) {
    this.noRoom$ = this.noRoom.asObservable();
    this.tasks = new BackgroundTasks((err) => this.log.error({ err }, 'topics could not be placed'));
  }

  /** Places what is due, together with whatever else comes to be wanted in the current tick. */
  soon(): void {
    if (this.due) return;
    this.due = true;
    setImmediate(() => {
      this.due = false;
      this.place();
    });
  }

  /** A channel of ours is over: there may be room. */
  roomMayBe(): void {
    this.askAgainAt = 0;
    this.soon();
  }

  async idle(): Promise<void> {
    await this.tasks.idle();
  }

  private place(): void {
    const term = this.term();
    if (!term) return;
    for (const topic of this.placements.due(performance.now())) {
      const channel = chooseChannel(this.fleet.current);
      if (!channel) return this.makeRoom(term);
      this.placements.put(topic, channel);
    }
  }

  /** One channel after the other, so that none is made that turns out not to be needed. */
  private makeRoom(term: AbortSignal): void {
    if (this.asking || performance.now() < this.askAgainAt) return;
    this.asking = true;
    this.tasks.run('room', async () => {
      const room = await this.askForRoom().finally(() => (this.asking = false));
      if (room === 'made') return this.soon();
      this.askAgainAt = performance.now() + ASK_FOR_ROOM_MS;
      if (room === 'none' && !term.aborted) this.tellNoRoom();
    });
  }

  private async askForRoom(): Promise<'made' | 'none' | 'unknown'> {
    try {
      return (await this.fleet.addForTopics()) ? 'made' : 'none';
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      this.log.debug({ err: error }, 'it cannot be told now whether there is room for a channel');
      return 'unknown';
    }
  }

  private tellNoRoom(): void {
    const topics = this.placements.findNoRoom(performance.now());
    if (topics.length === 0) return;
    const unplaced = this.placements.unplacedCount;
    this.log.warn({ unplaced }, 'no channel has room, topics wait and are looked up meanwhile');
    this.noRoom.next(topics);
  }
}
