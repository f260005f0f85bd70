import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { backoffDelay } from '../common/backoff.js';
import { BackgroundTasks } from '../common/background-tasks.js';
import { CONFIG, type Config } from '../config/config.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { ChannelGoneError } from '../genesys/genesys.errors.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { ChannelRow } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { Channel } from './channel.js';
import type { ChannelTools } from './channel-tools.js';
import type { ChannelSignal } from './channel-signal.js';
import { ChannelCreator } from './channel-creator.service.js';
import { ChannelRepository } from './channel.repository.js';

/** Waits between tries to clear a channel that is over: ≤ 1, 2, 4 … 30 s. */
const CLEAR_RETRY = { baseMs: 1_000, capMs: 30_000 };
/** A channel that ends within this time died young: the next creation waits. */
const YOUNG_MS = 60_000;

/** The living channels of this process: made within the budget, kept in the database, let go for good. */
@Injectable()
export class ChannelFleet {
  /** What the channels tell, in order. A channel has left `current` when its `closed` is told. */
  readonly signals$: Observable<ChannelSignal>;

  private readonly signals = new Subject<ChannelSignal>();
  private readonly living = new Set<Channel>();
  /** Those whose topics may still be at Genesys when they are closed. */
  private readonly uncleared = new WeakSet<Channel>();
  /** Numbers of channels that are over and not forgotten yet: not to be gone on with. */
  private readonly leaving = new Set<number>();
  private leavingEnds = new AbortController();
  private readonly tools: ChannelTools;
  private readonly tasks: BackgroundTasks;
  private readonly log: Log;
  /** While all are closed for a successor process or replica, what is stored of them must stay. */
  private keepStored = false;
  /** Channels of other replicas: all share the limit of 20 per OAuth client (wire facts §2.5). */
  private others = 0;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly client: GenesysClient,
    private readonly creator: ChannelCreator,
    private readonly channels: ChannelRepository,
    private readonly replica: ReplicaService,
    metrics: Metrics,
    logs: Logs,
  ) {
    this.signals$ = this.signals.asObservable();
    this.log = logs.of('channels');
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'channel work failed'));
    this.tools = {
      client,
      metrics,
      log: this.log,
      limits: config.channels,
      create: (signal) => this.creator.create(signal),
      isOurs: (no) => this.isOurs(no),
    };
  }

  get current(): ReadonlySet<Channel> {
    return this.living;
  }

  /** A further channel for topics; undefined when the budget is used up. One is kept free for hand-overs. */
  addForTopics(): Channel | undefined {
    return this.living.size + this.others < this.config.channels.maxCount - 1 ? this.add() : undefined;
  }

  /** A channel that takes over from another; undefined when even the spare one is in use. */
  addForHandOver(): Channel | undefined {
    return this.living.size + this.others < this.config.channels.maxCount ? this.add() : undefined;
  }

  /** Our stored channels that are not living yet, living from now on. */
  async addStored(): Promise<{ channel: Channel; row: ChannelRow }[]> {
    const known = new Set([...this.living].map((channel) => channel.stored?.no));
    const rows = await this.channels.ownedBy(this.replica.id);
    const resumable = rows.filter((row) => !known.has(row.no) && !this.leaving.has(row.no));
    return resumable.map((row) => ({ row, channel: this.add(row) }));
  }

  /** Lets a channel go for good: no topic stays behind, its socket is closed with 1000 and it is forgotten. */
  async retire(channel: Channel): Promise<void> {
    channel.drain('it is let go');
    const row = channel.stored;
    if (row && channel.state !== 'closed') {
      // Also when we believe that it holds nothing: a replica that was taken over may have subscribed late.
      await this.client.clearSubscriptions(row.genesys_id).catch(() => this.uncleared.add(channel));
    }
    await channel.close();
  }

  /** Something hints that the channel is no more: asks Genesys. */
  check(channel: Channel): void {
    this.tasks.run('check', async () => {
      if (!channel.stored || (await this.client.channelExists(channel.stored.genesys_id))) return;
      channel.declareGone('Genesys does not know it any more');
    });
  }

  /** Learns how many channels other replicas hold. */
  async countOthers(): Promise<void> {
    this.others = await this.channels.countOfOthers(this.replica.id);
  }

  /** Closes all sockets with 1000. Channels and subscriptions stay at Genesys and in the database, for whoever goes on. */
  async closeAll(): Promise<void> {
    this.keepStored = true;
    this.leavingEnds.abort();
    await Promise.all([...this.living].map((channel) => channel.close()));
    await this.tasks.idle();
    this.leavingEnds = new AbortController();
    this.keepStored = false;
  }

  private add(stored?: ChannelRow): Channel {
    const channel = new Channel(this.tools, stored);
    this.living.add(channel);
    channel.signals$.subscribe((signal) => this.pass(signal));
    this.tasks.run('channel', () => channel.live());
    return channel;
  }

  private pass(signal: ChannelSignal): void {
    if (signal.kind === 'state' && signal.to === 'closed') this.closed(signal.channel);
    if (signal.kind === 'gone') this.gone(signal.channel, signal.reason);
    this.signals.next(signal);
  }

  private closed(channel: Channel): void {
    this.living.delete(channel);
    const row = channel.stored;
    if (row && !this.keepStored) this.tasks.run('forget', () => this.forget(channel, row));
  }

  private async forget(channel: Channel, row: ChannelRow): Promise<void> {
    this.leaving.add(row.no);
    try {
      // In this order: should we end between the two, the next process finds the channel and clears it.
      const mustClear = this.uncleared.has(channel) && (await this.isOurs(row.no));
      if (mustClear && !(await this.clear(row, this.leavingEnds.signal))) return;
      await this.channels.deleteOwn(row.no, this.replica.id);
    } finally {
      this.leaving.delete(row.no);
    }
  }

  private gone(channel: Channel, reason: string): void {
    const row = channel.stored;
    this.log.warn({ channel: row?.no, reason }, 'channel is gone');
    this.uncleared.add(channel);
    if (row && Date.now() - row.created_at < YOUNG_MS) this.creator.diedYoung();
  }

  /**
   * Removes the topics of a channel that is over, however long Genesys cannot be asked; false when `signal` ended it. A socket
   * answers 404 also when only the token has ended that made the channel, while REST still knows it (wire facts §7.16):
   * its topics would stay there for a day. When it is gone indeed there is nothing to do.
   */
  private async clear(row: ChannelRow, signal: AbortSignal): Promise<boolean> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.client.clearSubscriptions(row.genesys_id, { signal });
        return true;
      } catch (err) {
        if (err instanceof ChannelGoneError) return true;
        const waitMs = backoffDelay(CLEAR_RETRY, attempt);
        this.log.warn(
          { err, channel: row.no, waitMs },
          'the topics of a channel that is over could not be removed yet',
        );
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }

  private async isOurs(no: number): Promise<boolean> {
    try {
      return await this.channels.isOwnedBy(no, this.replica.id);
    } catch (err) {
      // Who owns it cannot be told now: going on is right, since nobody else can take it over either.
      this.log.warn({ err, channel: no }, 'cannot tell who owns the channel');
      return true;
    }
  }
}
