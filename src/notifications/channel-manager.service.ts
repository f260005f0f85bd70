import { Injectable } from '@nestjs/common';
import { filter, firstValueFrom, of, Subject, timeout, type Observable } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { type Log, Logs } from '../telemetry/logs.js';
import type { Channel } from './channel.js';
import type { ChannelSignal } from './channel-signal.js';
import { ChannelFleet } from './channel-fleet.service.js';
import type { ChannelState } from './channel-state.js';
import type { Covered } from './coverage.js';
import { GapRecorder } from './gap-recorder.service.js';
import type { TopicEvent, TopicRejected } from './notifications.types.js';
import { chooseChannel } from './placement.js';
import { type Holder, MAIN_HOLDER, TopicHolders } from './topic-holders.js';
import { TopicPlacements } from './topic-placements.js';

/** How long stored channels may take to come back before their topics are placed on others. */
const RESUME_TIMEOUT_MS = 10_000;

/**
 * Keeps every wanted topic covered: places topics on channels, moves them when a channel closes, expires or is gone, and
 * answers with streams of what arrives. It knows topics, not what they are about.
 */
@Injectable()
export class ChannelManager {
  /** Every event of every topic, in the order of arrival; twice while a channel is handed over. */
  readonly events$: Observable<TopicEvent>;
  /** Topics that have just come to be covered, first or after a gap: what happened before must be looked up. */
  readonly covered$: Observable<Covered>;
  readonly rejected$: Observable<TopicRejected>;

  private readonly events = new Subject<TopicEvent>();
  private readonly covered = new Subject<Covered>();
  private readonly rejections = new Subject<TopicRejected>();
  /** Something that a hand-over may wait for has changed. */
  private readonly changes = new Subject<void>();
  private placements = new TopicPlacements();
  private readonly holders = new TopicHolders();
  private readonly tasks: BackgroundTasks;
  private readonly log: Log;
  private handOvers: Promise<void> = Promise.resolve();
  private placing = false;
  /** Until stored channels have come back, topics wait: each might be held there already. */
  private state: 'waiting' | 'running' | 'stopped' = 'waiting';

  constructor(
    private readonly fleet: ChannelFleet,
    private readonly gaps: GapRecorder,
    logs: Logs,
  ) {
    this.events$ = this.events.asObservable();
    this.covered$ = this.covered.asObservable();
    this.rejected$ = this.rejections.asObservable();
    this.log = logs.of('channels');
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'a hand-over failed'));
    fleet.signals$.subscribe((signal) => this.onSignal(signal));
  }

  get topicCount(): number {
    return this.placements.size;
  }

  /** What this holder asked for by `want` and has not ended by `release`. */
  wantedBy(holder: Holder = MAIN_HOLDER): Iterable<string> {
    return this.holders.heldBy(holder);
  }

  /** Wanted topics that no channel has taken: the fleet is full, or Genesys refuses them. */
  get unplacedCount(): number {
    return this.placements.unplacedCount;
  }

  /**
   * Covers these topics from now until their last holder's `release`. Idempotent; what arrives together is asked for together.
   *
   * @returns those that are covered already, for somebody else or since earlier: `covered$` will not tell of them.
   */
  want(topics: readonly string[], holder: Holder = MAIN_HOLDER): string[] {
    for (const topic of topics) {
      // Whoever comes new to a refused topic need not wait because others were refused before.
      if (this.holders.add(topic, holder)) this.placements.askAgain(topic);
      this.placements.add(topic);
    }
    this.placeSoon();
    return topics.filter((topic) => this.gaps.isCovered(topic));
  }

  /** Lets these topics go; the coverage of those that nobody else holds ends. Idempotent. */
  release(topics: Iterable<string>, holder: Holder = MAIN_HOLDER): void {
    // A topic that is being moved is wanted by the channel that is let go, too.
    const draining = [...this.fleet.current].filter((channel) => channel.isDraining);
    for (const topic of topics) {
      if (!this.holders.remove(topic, holder)) continue;
      const placed = this.placements.channelWith(topic);
      if (!this.placements.remove(topic)) continue;
      this.gaps.forget(topic);
      placed?.drop(topic);
      for (const channel of draining) if (channel.subscriptions.wants(topic)) channel.drop(topic);
    }
    this.changes.next();
  }

  /**
   * Goes on with stored channels of ours (after a restart, or taken over from a replica that died) and the topics that
   * were waited for. What the channels still hold is covered at once, the rest is placed anew.
   */
  async resume(topics: readonly string[]): Promise<void> {
    await this.gaps.closeInherited();
    // Those that are wanted already were accepted by this process while it started: nothing of theirs was missed.
    const inherited = topics.filter((topic) => !this.holders.holds(topic, MAIN_HOLDER));
    this.placements.holdBack(topics);
    const coveredBefore = new Set(this.want(topics));
    const resumed = await this.fleet.addStored();
    await Promise.all(resumed.map(({ channel }) => whenBack(channel)));
    const seenAt = Math.min(Date.now(), ...resumed.map(({ row }) => row.last_seen_at));
    const lost = inherited.filter((topic) => this.placements.isUnplaced(topic));
    this.gaps.lost(lost, 'restart', seenAt, undefined);
    this.missed(
      inherited.filter((topic) => coveredBefore.has(topic)),
      'restart',
      seenAt,
    );
    this.placements.letGo(topics);
    if (this.state === 'waiting') this.state = 'running';
    this.placeSoon();
  }

  /** Lets go of the channels and the main job's topics: they may be another replica's now. `resume` begins again. */
  async suspend(): Promise<void> {
    if (this.state !== 'running') return;
    this.state = 'waiting';
    this.placements = new TopicPlacements();
    this.holders.removeAllOf(MAIN_HOLDER);
    // What others hold has nothing to do with the lease, and is placed again afterwards.
    for (const topic of this.holders.topics) this.placements.add(topic);
    this.changes.next();
    await this.fleet.closeAll();
    this.gaps.forgetAll();
  }

  /** Closes all sockets. Nothing is unsubscribed: the next process goes on with the same channels. */
  async stop(): Promise<void> {
    this.state = 'stopped';
    this.changes.next();
    await this.fleet.closeAll();
    await this.tasks.idle();
    await this.gaps.idle();
  }

  /** Places what is on no channel, together with whatever else is wanted in the current tick. */
  placeSoon(): void {
    if (this.placing) return;
    this.placing = true;
    setImmediate(() => {
      this.placing = false;
      this.place();
    });
  }

  /** Events on these topics were lost by ourselves, since `from` (epoch ms): a gap that is over already, to be looked up. */
  missed(topics: Iterable<string>, reason: string, from: number): void {
    const wanted = this.placements.wantedOf(topics);
    this.gaps.lost(wanted, reason, from, undefined);
    for (const covered of this.gaps.gained(wanted)) this.covered.next(covered);
  }

  /** Lets hand-overs look again whether they can go on. */
  recheck(): void {
    this.changes.next();
  }

  /**
   * Make before break: a new channel is made, all topics are confirmed there, and only then the old one is let go. One
   * at a time, since only one channel is kept free for it (`CHANNEL_MAX_COUNT`).
   */
  handOver(old: Channel, reason: string): void {
    if (this.state !== 'running' || old.isDraining || old.state === 'closed') return;
    this.log.info({ channel: old.stored?.no, reason }, 'handing over');
    old.drain(reason);
    const moved = this.handOvers.then(() => this.moveAll(old));
    this.handOvers = moved.catch(() => undefined);
    this.tasks.run('hand-over', () => moved);
  }

  private async moveAll(old: Channel): Promise<void> {
    const over = (): boolean => this.state !== 'running' || old.state === 'closed' || this.isCoveredElsewhere(old);
    while (!over()) {
      const topics = this.placements.dueFrom(old, Date.now());
      const successor = topics.length > 0 ? this.fleet.addForHandOver() : undefined;
      for (const topic of successor ? topics : []) this.placements.put(topic, successor as Channel);
      await this.changed(() => over() || successor === undefined || successor.state === 'closed');
    }
    if (this.state === 'running') await this.fleet.retire(old);
  }

  private async changed(condition: () => boolean): Promise<void> {
    await firstValueFrom(this.changes.pipe(filter(condition)), { defaultValue: undefined });
  }

  private isCoveredElsewhere(old: Channel): boolean {
    const now = Date.now();
    return [...old.subscriptions.wantedTopics].every((topic) => this.placements.isSettledBeside(topic, old, now));
  }

  private place(): void {
    if (this.state !== 'running') return;
    for (const topic of this.placements.due(Date.now())) {
      const channel = chooseChannel(this.fleet.current) ?? this.fleet.addForTopics();
      if (!channel) return this.log.warn({ unplaced: this.unplacedCount }, 'no channel has room, topics wait');
      this.placements.put(topic, channel);
    }
  }

  private onSignal(signal: ChannelSignal): void {
    const { channel } = signal;
    switch (signal.kind) {
      case 'event':
        return this.events.next({ topic: signal.topic, body: signal.body, receivedAt: signal.receivedAt });
      case 'confirmed':
        return this.onConfirmed(signal.topics);
      case 'lost':
        return this.onLost(channel, signal.reason, signal.since);
      case 'missing': {
        const missing = this.placements.wantedOf(signal.topics);
        return this.gaps.lost(missing, 'subscription missing', signal.since, channel.stored?.no);
      }
      case 'rejected':
        return this.onRejected(channel, signal.topic, signal.reason);
      case 'full':
        this.placements.takeOff(signal.topics, channel);
        return this.placeSoon();
      case 'closing':
        return this.handOver(channel, 'Genesys is closing the socket');
      case 'token-revoked':
        return this.fleet.check(channel);
      case 'state':
        return this.onState(channel, signal.to);
      case 'gone':
        return;
      default:
        signal satisfies never;
    }
  }

  private onState(channel: Channel, to: ChannelState): void {
    if (to === 'open') this.claimHeld(channel);
    if (to === 'closed') {
      this.placements.takeOff(channel.subscriptions.wantedTopics, channel);
      this.placeSoon();
    }
    this.changes.next();
  }

  /** A channel that was stored has come back: what it still holds and somebody waits for needs no new subscription. */
  private claimHeld(channel: Channel): void {
    const back = [...channel.subscriptions.heldTopics].filter((topic) => this.placements.isUnplaced(topic));
    const missed = back.filter((topic) => this.placements.isHeldBack(topic));
    this.gaps.lost(missed, 'restart', channel.stored?.last_seen_at ?? Date.now(), channel.stored?.no);
    for (const topic of back) this.placements.put(topic, channel);
  }

  private onConfirmed(topics: string[]): void {
    const wanted = this.placements.wantedOf(topics);
    this.placements.confirmed(wanted);
    for (const covered of this.gaps.gained(wanted)) this.covered.next(covered);
    this.changes.next();
  }

  private onLost(channel: Channel, reason: string, since: number): void {
    const others = [...this.fleet.current].filter((other) => other !== channel);
    const uncovered = this.placements
      .wantedOf(channel.subscriptions.heldTopics)
      .filter((topic) => !others.some((other) => other.covers(topic)));
    this.gaps.lost(uncovered, reason, since, channel.stored?.no);
  }

  private onRejected(channel: Channel, topic: string, reason: string): void {
    if (!this.placements.isWanted(topic)) return;
    this.placements.takeOff([topic], channel);
    const retryMs = this.placements.refuse(topic, Date.now());
    this.log.warn({ channel: channel.stored?.no, retryMs }, 'Genesys refuses a topic');
    this.rejections.next({ topic, reason, retryMs });
    this.changes.next();
  }
}

/** Resolves when a channel that was stored is open again, or is over, or takes too long. */
async function whenBack(channel: Channel): Promise<void> {
  await firstValueFrom(
    channel.signals$.pipe(
      filter((signal) => signal.kind === 'state' && (signal.to === 'open' || signal.to === 'closed')),
      timeout({ first: RESUME_TIMEOUT_MS, with: () => of(undefined) }),
    ),
    { defaultValue: undefined },
  );
}
