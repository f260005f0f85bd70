import { Inject, Injectable } from '@nestjs/common';
import { exhaustMap, interval, type Subscription } from 'rxjs';
import { TokenService } from '../auth/token.service.js';
import { BackgroundTasks } from '../common/background-tasks.js';
import { CONFIG, type Config } from '../config/config.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { AnnouncedClosings } from './announced-closings.js';
import type { Channel } from './channel.js';
import { ChannelBudget } from './channel-budget.service.js';
import { ChannelCreator } from './channel-creator.service.js';
import { ChannelFleet } from './channel-fleet.service.js';
import { ChannelManager } from './channel-manager.service.js';
import { ChannelRepository } from './channel.repository.js';
import type { ChannelSignal } from './channel-signal.js';

/** How often the fleet is looked over. */
const TICK_MS = 1_000;
/** How often it is stored that channels are alive: the most by which a gap after a crash begins too early. */
const SEEN_EVERY_MS = 5_000;
/** A channel is replaced this long before it expires, or in the last quarter of its life if that is shorter. */
const EXPIRY_MARGIN_MS = 10 * 60_000;
/** A channel that has lived so long proves that creations work. */
const HEALTHY_AFTER_MS = 60_000;

/**
 * A channel that was taken over is compared once more after this: its former owner may have sent requests that Genesys
 * carried out after our first look. One takes at most `GENESYS_TIMEOUT_MS`, 16 s by default.
 */
const LATE_REQUESTS_MS = 30_000;

/** What has to be done to channels as time passes: closing empty ones, replacing those that expire or are closed, comparing, noting. */
@Injectable()
export class ChannelUpkeep {
  private readonly log: Log;
  private readonly tasks: BackgroundTasks;
  private subscriptions: Subscription[] = [];
  /** Times are monotonic: an hour's jump of the wall clock holds up nothing. */
  private readonly emptySince = new WeakMap<Channel, number>();
  private readonly openSince = new WeakMap<Channel, number>();
  private readonly comparedLate = new WeakSet<Channel>();
  /** Those that are just being let go. */
  private readonly retiring = new WeakSet<Channel>();
  private readonly closings: AnnouncedClosings;
  private seenAt = -Infinity;
  private verifiedAt = performance.now();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly fleet: ChannelFleet,
    private readonly manager: ChannelManager,
    private readonly channels: ChannelRepository,
    private readonly creator: ChannelCreator,
    private readonly budget: ChannelBudget,
    private readonly tokens: TokenService,
    logs: Logs,
  ) {
    this.log = logs.of('channels');
    this.closings = new AnnouncedClosings(
      {
        handOver: (channel) => this.manager.handOver(channel, 'Genesys is closing the socket'),
        hush: (channel, forMs) => this.fleet.hush(channel, forMs),
      },
      config.channels.handOverWaitMaxMs,
      this.log,
    );
    this.tasks = new BackgroundTasks((err, task) => this.log.warn({ err, task }, 'channel upkeep failed'));
  }

  start(): void {
    this.subscriptions = [
      // A slow database must not pile up ticks.
      interval(TICK_MS)
        .pipe(exhaustMap(() => this.tick()))
        .subscribe(),
      this.fleet.signals$.subscribe((signal) => this.onSignal(signal)),
      this.tokens.renewed$.subscribe(() => this.checkAll()),
    ];
  }

  async stop(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    await this.tasks.idle();
  }

  private async tick(): Promise<void> {
    const now = performance.now();
    this.closings.look(now);
    for (const channel of this.fleet.current) this.look(channel, now);
    if (this.manager.unplacedCount > 0) this.manager.placeSoon();
    if (now - this.verifiedAt >= this.config.channels.checkMs) this.verifyAll(now);
    if (now - this.seenAt >= SEEN_EVERY_MS) await this.noteSeen(now);
  }

  private onSignal({ channel, ...signal }: ChannelSignal): void {
    if (signal.kind === 'closing') this.closings.announced(channel);
    if (signal.kind === 'lost' || (signal.kind === 'state' && signal.to === 'closed')) this.closings.cameTrue(channel);
  }

  private look(channel: Channel, now: number): void {
    const { record } = channel;
    if (channel.state !== 'open' || !record) return;
    if (record.ageMs >= HEALTHY_AFTER_MS) this.creator.healthy();
    if (channel.isAdopted) this.compareLate(channel, now);
    if (isIdle(channel)) this.closeIfLingered(channel, now);
    else this.emptySince.delete(channel);
    const { lifeMs } = record;
    if (lifeMs !== undefined && record.ageMs >= lifeMs - Math.min(EXPIRY_MARGIN_MS, lifeMs / 4)) {
      this.manager.handOver(channel, 'it expires soon');
    }
  }

  private compareLate(channel: Channel, now: number): void {
    if (this.comparedLate.has(channel)) return;
    const since = this.openSince.get(channel);
    if (since === undefined) this.openSince.set(channel, now);
    else if (now - since >= LATE_REQUESTS_MS) {
      this.comparedLate.add(channel);
      channel.verifySoon();
    }
  }

  private closeIfLingered(channel: Channel, now: number): void {
    const since = this.emptySince.get(channel);
    if (since === undefined) this.emptySince.set(channel, now);
    if (since === undefined || now - since < this.config.channels.lingerMs || this.retiring.has(channel)) return;
    this.retiring.add(channel);
    this.tasks.run('close', async () => {
      try {
        await this.fleet.retire(channel, () => isIdle(channel));
      } finally {
        this.retiring.delete(channel);
      }
    });
  }

  private verifyAll(now: number): void {
    this.verifiedAt = now;
    for (const channel of this.fleet.current) channel.verifySoon();
  }

  private async noteSeen(now: number): Promise<void> {
    this.seenAt = now;
    const open = [...this.fleet.current].filter((each) => each.state === 'open' || each.state === 'draining');
    const nos = open.flatMap((channel) => channel.stored?.no ?? []);
    try {
      await this.channels.seen(nos, this.budget.slots);
    } catch (err) {
      this.log.warn({ err }, 'it could not be stored that channels are alive');
    }
    this.manager.recheck();
  }

  /** A new token may not reach the old token's channels (docs/wire-facts.md §7.8). */
  private checkAll(): void {
    for (const channel of this.fleet.current) this.fleet.check(channel);
  }
}

function isIdle({ subscriptions }: Channel): boolean {
  return subscriptions.wantedTopics.size === 0 && subscriptions.settled;
}
