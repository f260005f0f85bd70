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
import { StorageUnavailableError } from '../storage/storage.errors.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { Metrics } from '../telemetry/metrics.js';
import { Channel, type ChannelOrigin } from './channel.js';
import { ChannelBudget } from './channel-budget.service.js';
import { ChannelCreator } from './channel-creator.service.js';
import { ChannelLease } from './channel-lease.service.js';
import type { ChannelSignal } from './channel-signal.js';
import type { ChannelTools } from './channel-tools.js';
import { ChannelRepository, type SlotAnswer, type StoredChannel } from './channel.repository.js';

/** Waits between tries to clear and forget a channel that is over: ≤ 1, 2, 4 … 30 s. */
const FORGET_RETRY = { baseMs: 1_000, capMs: 30_000 };
/** A channel that ends within this time died young: the next creation waits. */
const YOUNG_MS = 60_000;

/**
 * The living channels of this process: made within the budget, kept in the database, let go for good. Nothing is cleared,
 * moved or closed for good without asking the database whose the channel is; while it cannot tell, nothing happens.
 */
@Injectable()
export class ChannelFleet {
  /** What the channels tell, in order. A channel has left `current` when its `closed` is told. */
  readonly signals$: Observable<ChannelSignal>;
  private readonly signals = new Subject<ChannelSignal>();
  private readonly living = new Set<Channel>();
  /** Those whose topics may still be at Genesys when they are closed. */
  private readonly uncleared = new WeakSet<Channel>();
  /** Until when (monotonic ms) these are told of at debug. */
  private readonly hushedUntil = new WeakMap<Channel, number>();
  /** Numbers of channels that are over and not forgotten yet: not to be gone on with. */
  private readonly leaving = new Set<number>();
  private readonly tools: ChannelTools;
  private readonly tasks: BackgroundTasks;
  private readonly log: Log;
  /** Aborted while all are let go for a successor process or replica: what is stored of them must stay then. */
  private term = new AbortController();
  private closing: Promise<void> | undefined;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly client: GenesysClient,
    private readonly budget: ChannelBudget,
    private readonly creator: ChannelCreator,
    private readonly channels: ChannelRepository,
    private readonly lease: ChannelLease,
    private readonly replica: ReplicaService,
    metrics: Metrics,
    logs: Logs,
  ) {
    this.signals$ = this.signals.asObservable();
    this.log = logs.of('channels');
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'channel work failed'));
    const sockets = new OutageLog(this.log, "Genesys' sockets");
    const replies = new OutageLog(this.log, "Genesys' replies over the socket");
    this.tools = { client, metrics, log: this.log, sockets, replies, limits: config.channels, lease };
  }

  get current(): ReadonlySet<Channel> {
    return this.living;
  }

  /** A further channel for topics; undefined when the budget is used up. @throws StorageUnavailableError */
  async addForTopics(): Promise<Channel | undefined> {
    return this.addIn(() => this.budget.takeForTopics());
  }

  /**
   * A channel that takes over from `old`; undefined when even the spare one is in use, by whichever replica, or when `old`
   * is another's by now, which ends it here. @throws StorageUnavailableError
   */
  async addForHandOver(old: Channel): Promise<Channel | undefined> {
    return this.addIn(async () => {
      const answer = await this.budget.takeForHandOver(old.stored?.no);
      if (answer === 'not-ours') await old.close();
      return answer;
    });
  }

  /** What is stored as ours. @throws StorageUnavailableError */
  async stored(): Promise<StoredChannel[]> {
    return this.channels.ownedBy(this.replica.id);
  }

  /** Those of these stored channels that are not living yet, living from now on: one object for each. */
  goOnWith(stored: readonly StoredChannel[]): Channel[] {
    const known = new Set([...this.living].map((channel) => channel.stored?.no));
    return stored.filter(({ no }) => !known.has(no) && !this.leaving.has(no)).map((row) => this.add(row));
  }

  /**
   * Lets a channel go for good, if it is ours: no topic stays behind, its socket is closed with 1000 and it is forgotten.
   * One that is another replica's is let go without a word.
   *
   * @param stillFor asked again once it is known whose it is; without it the channel stays.
   * @returns false when nothing was done, because the database could not tell.
   */
  async retire(channel: Channel, stillFor: () => boolean = () => true): Promise<boolean> {
    const { signal } = this.term;
    const ours = channel.stored === undefined || (await this.isOurs(channel.stored.no));
    if (ours === undefined) return false;
    if (!stillFor() || signal.aborted) return true;
    channel.drain('it is let go');
    if (ours && channel.stored && channel.state !== 'closed') {
      // Also when we believe that it holds nothing: a replica that was taken over may have subscribed late.
      await this.clear(channel.stored, signal).catch(() => this.uncleared.add(channel));
    }
    await channel.close();
    return true;
  }

  /** Something hints that the channel is no more: asks Genesys. */
  check(channel: Channel): void {
    const { signal } = this.term;
    this.tasks.run('check', async () => {
      if (!channel.stored || (await this.client.channelExists(channel.stored.genesys_id, { signal }))) return;
      channel.declareGone('Genesys does not know it any more');
    });
  }

  /** For so long the states of this channel are told at debug: it is one of many with which the same happens. */
  hush(channel: Channel, forMs: number): void {
    this.hushedUntil.set(channel, performance.now() + forMs);
  }

  /**
   * Lets all go at once: from the first moment nothing is said to Genesys any more but the end of the sockets (1000).
   * Channels and subscriptions stay at Genesys and in the database, for whoever goes on.
   */
  closeAll(): Promise<void> {
    this.closing ??= this.closeEvery().finally(() => {
      this.closing = undefined;
    });
    return this.closing;
  }

  private async closeEvery(): Promise<void> {
    this.term.abort();
    await Promise.all([...this.living].map((channel) => channel.close()));
    await this.tasks.idle();
    this.term = new AbortController();
  }

  private async addIn(take: () => Promise<SlotAnswer>): Promise<Channel | undefined> {
    const { signal } = this.term;
    if (signal.aborted) return undefined;
    const slot = await take();
    if (typeof slot === 'string') return undefined;
    if (!signal.aborted) return this.add((ending) => this.creator.create(slot.id, ending));
    await this.budget.giveBack(slot.id);
    return undefined;
  }

  private add(origin: ChannelOrigin): Channel {
    const channel = new Channel(this.tools, origin);
    this.living.add(channel);
    channel.signals$.subscribe((signal) => this.pass(signal));
    this.tasks.run('channel', () => channel.live());
    return channel;
  }

  private pass(signal: ChannelSignal): void {
    if (signal.kind === 'state') this.tellState(signal);
    if (signal.kind === 'state' && signal.to === 'closed') this.closed(signal.channel);
    if (signal.kind === 'gone') this.gone(signal.channel, signal.reason);
    if (signal.kind === 'state' && signal.to === 'open') this.tools.sockets.recovered();
    this.signals.next(signal);
  }

  private tellState({ channel, from, to, reason }: ChannelSignal & { kind: 'state' }): void {
    const level = performance.now() < (this.hushedUntil.get(channel) ?? 0) ? 'debug' : 'info';
    this.log[level]({ channel: channel.stored?.no, from, to, reason }, 'channel state');
  }

  private closed(channel: Channel): void {
    this.living.delete(channel);
    const row = channel.stored;
    const { signal } = this.term;
    if (row && !signal.aborted) this.tasks.run('forget', () => this.forget(channel, row, signal));
  }

  /** Its place in the budget is free once it is forgotten: Genesys removes channels without a socket first. */
  private async forget(channel: Channel, row: ChannelRow, signal: AbortSignal): Promise<void> {
    this.leaving.add(row.no);
    try {
      for (let attempt = 0; !signal.aborted; attempt++) {
        if (await this.isForgotten(channel, row, signal)) return;
        const waitMs = backoffDelay(FORGET_RETRY, attempt);
        this.log.warn({ channel: row.no, waitMs }, 'a channel that is over could not be cleared and forgotten yet');
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      this.leaving.delete(row.no);
    }
  }

  private async isForgotten(channel: Channel, row: ChannelRow, signal: AbortSignal): Promise<boolean> {
    try {
      if (!(await this.lease.isOurs(row.no))) return true;
      // In this order: should we end between the two, the next process finds the channel and clears it.
      if (this.uncleared.has(channel)) await this.clear(row, signal);
      await this.channels.deleteOwn(row.no, this.replica.id);
      return true;
    } catch (err) {
      if (!signal.aborted) this.log.debug({ err, channel: row.no }, 'not forgotten yet');
      return false;
    }
  }

  private gone(channel: Channel, reason: string): void {
    this.log.warn({ channel: channel.stored?.no, reason }, 'channel is gone');
    this.uncleared.add(channel);
    if (channel.record && channel.record.ageMs < YOUNG_MS) this.creator.diedYoung();
  }

  /**
   * Removes the topics of a channel that is over. A socket answers 404 also when only the token has ended that made the
   * channel, while REST still knows it: its topics would stay there for a day. When it is gone indeed there is nothing to do.
   */
  private async clear(row: ChannelRow, signal: AbortSignal): Promise<void> {
    try {
      await this.client.clearSubscriptions(row.genesys_id, { signal, check: () => this.lease.assertHeld() });
    } catch (error) {
      if (!(error instanceof ChannelGoneError)) throw error;
    }
  }

  /** Undefined when the database cannot tell. */
  private async isOurs(no: number): Promise<boolean | undefined> {
    try {
      return await this.lease.isOurs(no);
    } catch (err) {
      if (!(err instanceof StorageUnavailableError)) throw err;
      this.log.debug({ err, channel: no }, 'it cannot be told now whose the channel is');
      return undefined;
    }
  }
}
