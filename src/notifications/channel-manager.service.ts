import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { type Log, Logs } from '../telemetry/logs.js';
import type { Channel } from './channel.js';
import type { ChannelSignal } from './channel-signal.js';
import { ChannelFleet } from './channel-fleet.service.js';
import type { ChannelState } from './channel-state.js';
import type { Covered } from './coverage.js';
import { GapRecorder } from './gap-recorder.service.js';
import { HandOvers } from './hand-overs.js';
import { ManagerLife } from './manager-life.js';
import type { TopicEvent, TopicRejected } from './notifications.types.js';
import { type Holder, MAIN_HOLDER, TopicHolders } from './topic-holders.js';
import { TopicPlacements } from './topic-placements.js';
import { TopicPlacer } from './topic-placer.js';
import { whenBack } from './when-back.js';

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
  /** Topics that no channel has room for: nothing is heard of them until `covered$` tells of them. */
  readonly uncovered$: Observable<string[]>;
  readonly rejected$: Observable<TopicRejected>;
  private readonly events = new Subject<TopicEvent>();
  private readonly covered = new Subject<Covered>();
  private readonly rejections = new Subject<TopicRejected>();
  /** Something that a hand-over may wait for has changed. */
  private readonly changes = new Subject<void>();

  private readonly placements: TopicPlacements;
  private readonly holders = new TopicHolders();
  private readonly placer: TopicPlacer;
  private readonly handOvers: HandOvers;
  private readonly tasks: BackgroundTasks;
  private readonly log: Log;
  private readonly life: ManagerLife;
  /** Why the channels that come back were left, for their gaps. */
  private resumeReason = 'restart';

  constructor(
    private readonly fleet: ChannelFleet,
    private readonly gaps: GapRecorder,
    logs: Logs,
  ) {
    this.events$ = this.events.asObservable();
    this.covered$ = this.covered.asObservable();
    this.rejected$ = this.rejections.asObservable();
    this.log = logs.of('channels');
    this.placements = new TopicPlacements(this.log);
    this.life = new ManagerLife(this.log);
    const term = (): AbortSignal | undefined => (this.life.state === 'running' ? this.life.term : undefined);
    this.placer = new TopicPlacer(fleet, this.placements, term, this.log);
    this.uncovered$ = this.placer.noRoom$;
    this.handOvers = new HandOvers(fleet, this.placements, this.changes, this.log);
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'channel work failed'));
    fleet.signals$.subscribe((signal) => this.onSignal(signal));
  }

  get topicCount(): number {
    return this.placements.size;
  }

  /** What this holder asked for by `want` and has not ended by `release`. */
  wantedBy(holder: Holder = MAIN_HOLDER): Iterable<string> {
    return this.holders.heldBy(holder);
  }

  /** See `ManagerLife.calm`. */
  get calm(): object | undefined {
    return this.life.calm;
  }

  /** Wanted topics of which no event would arrive now: they have no place, are not confirmed yet, or are in a gap. */
  get uncoveredCount(): number {
    return this.placements.size - this.gaps.covered;
  }

  /** True when an event on this topic would arrive now. */
  isCovered(topic: string): boolean {
    return this.gaps.isCovered(topic);
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
   * were waited for. What the channels still hold is covered at once, the rest is placed anew. One after the other; one
   * that a suspension has overtaken does nothing.
   *
   * @param reason why nobody listened meanwhile, for the gap
   * @throws StorageUnavailableError before anything has changed.
   */
  resume(topics: readonly string[], reason = 'restart'): Promise<void> {
    return this.life.inTurn((term) => this.resumeIn(term, topics, reason));
  }

  private async resumeIn(term: AbortSignal, topics: readonly string[], reason: string): Promise<void> {
    const stored = await this.fleet.stored();
    if (term.aborted) return;
    if (this.life.state === 'waiting') this.life.become('resuming', reason);
    this.resumeReason = reason;
    this.gaps.closeInherited();
    // Those that are wanted already were accepted by this process while it started: nothing of theirs was missed.
    const inherited = topics.filter((topic) => !this.holders.holds(topic, MAIN_HOLDER));
    this.placements.holdBack(topics);
    const coveredBefore = new Set(this.want(topics));
    const resumed = this.fleet.goOnWith(stored);
    await Promise.all(resumed.map(whenBack));
    if (term.aborted) return;
    const seenAt = Math.min(Date.now(), ...resumed.map(({ record }) => record?.seenAt ?? Infinity));
    this.gaps.lost(
      inherited.filter((topic) => this.placements.isUnplaced(topic)),
      reason,
      seenAt,
      undefined,
    );
    this.missed(
      inherited.filter((topic) => coveredBefore.has(topic)),
      reason,
      seenAt,
    );
    this.placements.letGo(topics);
    if (this.life.state === 'resuming') this.life.become('running', 'stored channels are back');
    this.placeSoon();
  }

  /**
   * Lets go of the channels and the main job's topics: they may be another replica's now. By the time this returns its
   * promise nothing is said to Genesys any more. `resume` begins again, once the sockets are closed.
   */
  suspend(): Promise<void> {
    if (this.life.state === 'stopped') return this.fleet.closeAll();
    if (this.life.state === 'running' || this.life.state === 'resuming')
      this.life.become('suspending', 'the lease is over');
    this.letAllGo();
    this.gaps.forgetAll();
    this.placements.clear();
    this.holders.removeAllOf(MAIN_HOLDER);
    // What others hold has nothing to do with the lease, and is placed again afterwards.
    for (const topic of this.holders.topics) this.placements.add(topic);
    const closed = this.fleet.closeAll().then(() => {
      if (this.life.state === 'suspending') this.life.become('waiting', 'all sockets are closed');
    });
    this.life.holdTurn(closed);
    return closed;
  }

  /** Closes all sockets. Nothing is unsubscribed: the next process goes on with the same channels. */
  async stop(): Promise<void> {
    this.life.become('stopped', 'the process ends');
    this.letAllGo();
    await this.fleet.closeAll();
    await this.life.idle();
    await Promise.all([this.tasks.idle(), this.placer.idle()]);
    await this.gaps.stop();
  }

  private letAllGo(): void {
    this.life.endTerm();
    this.changes.next();
  }

  /** Places what is on no channel, together with whatever else is wanted in the current tick. */
  placeSoon(): void {
    this.placer.soon();
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

  /** Moves all topics to a new channel, and lets the old one go once they are confirmed there. */
  handOver(old: Channel, reason: string): void {
    if (this.life.state !== 'running' || old.isDraining || old.state === 'closed') return;
    this.log.debug({ channel: old.stored?.no, reason }, 'handing over');
    old.drain(reason);
    const { term } = this.life;
    this.tasks.run('hand-over', () => this.handOvers.move(old, term));
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
      case 'token-revoked':
        return this.fleet.check(channel);
      case 'state':
        return this.onState(channel, signal.to);
      // What an announced closing leads to is up to `ChannelUpkeep`.
      case 'closing':
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
      this.placer.roomMayBe();
    }
    this.changes.next();
  }

  /** A channel that was stored has come back: what it still holds and somebody waits for needs no new subscription. */
  private claimHeld(channel: Channel): void {
    const back = [...channel.subscriptions.heldTopics].filter((topic) => this.placements.isUnplaced(topic));
    const missed = back.filter((topic) => this.placements.isHeldBack(topic));
    this.gaps.lost(missed, this.resumeReason, channel.record?.seenAt ?? Date.now(), channel.stored?.no);
    for (const topic of back) this.placements.putWhereHeld(topic, channel);
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
    this.rejections.next({ topic, reason, retryMs: this.placements.refuse(topic, reason, performance.now()) });
    this.changes.next();
  }
}
