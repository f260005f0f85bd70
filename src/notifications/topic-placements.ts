import type { LineWriter } from '../telemetry/outage-log.js';
import type { Channel } from './channel.js';
import { RejectedTopics } from './rejected-topics.js';

/** Every wanted topic and the channel it is placed on. */
export class TopicPlacements {
  private readonly channelOf = new Map<string, Channel | undefined>();
  private readonly unplaced = new Set<string>();
  /** Topics of stored channels that are coming back: not to be placed elsewhere meanwhile. */
  private readonly heldBack = new Set<string>();
  /** Those of the unplaced that there is no room for, as has been told. */
  private readonly withoutRoom = new Set<string>();
  private readonly rejected: RejectedTopics;

  constructor(log: LineWriter) {
    this.rejected = new RejectedTopics(log);
  }

  get size(): number {
    return this.channelOf.size;
  }

  /** Wanted topics that are on no channel: the fleet is full, Genesys refuses them, or they were just asked for. */
  get unplacedCount(): number {
    return this.unplaced.size;
  }

  add(topic: string): void {
    if (this.channelOf.has(topic)) return;
    this.channelOf.set(topic, undefined);
    this.unplaced.add(topic);
  }

  /** False when it was not wanted. */
  remove(topic: string): boolean {
    this.unplaced.delete(topic);
    this.heldBack.delete(topic);
    this.withoutRoom.delete(topic);
    this.rejected.forget(topic);
    return this.channelOf.delete(topic);
  }

  isWanted(topic: string): boolean {
    return this.channelOf.has(topic);
  }

  /** Where it is placed; undefined: nowhere. */
  channelWith(topic: string): Channel | undefined {
    return this.channelOf.get(topic);
  }

  isUnplaced(topic: string): boolean {
    return this.unplaced.has(topic);
  }

  isHeldBack(topic: string): boolean {
    return this.heldBack.has(topic);
  }

  wantedOf(topics: Iterable<string>): string[] {
    return [...topics].filter((topic) => this.channelOf.has(topic));
  }

  /** Topics that may be placed now (monotonic ms). May be changed while it is walked. */
  *due(now: number): Iterable<string> {
    for (const topic of this.unplaced) {
      if (!this.heldBack.has(topic) && !this.rejected.mustWait(topic, now)) yield topic;
    }
  }

  /** Topics of a channel that is let go which have no other place yet, and may be given one now. */
  dueFrom(old: Channel, now: number): string[] {
    return [...old.subscriptions.wantedTopics].filter((topic) => {
      const channel = this.channelOf.get(topic);
      return channel ? channel === old : this.channelOf.has(topic) && !this.rejected.mustWait(topic, now);
    });
  }

  put(topic: string, channel: Channel): void {
    this.unplaced.delete(topic);
    this.withoutRoom.delete(topic);
    this.channelOf.set(topic, channel);
    channel.want(topic);
  }

  /** The same with a channel that is opening and holds the topic: it tells by itself that it is covered. */
  putWhereHeld(topic: string, channel: Channel): void {
    channel.subscriptions.keep(topic);
    this.put(topic, channel);
  }

  /** Takes these off this channel; those that are placed elsewhere stay there. */
  takeOff(topics: Iterable<string>, channel: Channel): void {
    for (const topic of topics) {
      if (this.channelOf.get(topic) !== channel) continue;
      this.channelOf.set(topic, undefined);
      this.unplaced.add(topic);
    }
  }

  /** No channel has room: answers those that are due and have not been told of since they were placed last. */
  findNoRoom(now: number): string[] {
    const fresh = [...this.due(now)].filter((topic) => !this.withoutRoom.has(topic));
    for (const topic of fresh) this.withoutRoom.add(topic);
    return fresh;
  }

  /** Nothing is wanted any more. */
  clear(): void {
    this.channelOf.clear();
    this.unplaced.clear();
    this.heldBack.clear();
    this.withoutRoom.clear();
    this.rejected.clear();
  }

  holdBack(topics: Iterable<string>): void {
    for (const topic of topics) this.heldBack.add(topic);
  }

  letGo(topics: Iterable<string>): void {
    for (const topic of topics) this.heldBack.delete(topic);
  }

  /** Genesys refused it: answers after how many milliseconds it is asked for again. */
  refuse(topic: string, reason: string, now: number): number {
    return this.rejected.refuse(topic, reason, now);
  }

  /** A refused topic need not wait any longer for its next try. */
  askAgain(topic: string): void {
    this.rejected.forget(topic);
  }

  confirmed(topics: Iterable<string>): void {
    this.rejected.confirmed(topics);
  }

  /** True when `old` is not needed for this topic: another channel holds it, or Genesys refuses it. */
  isSettledBeside(topic: string, old: Channel, now: number): boolean {
    const channel = this.channelOf.get(topic);
    if (!channel) return !this.channelOf.has(topic) || this.rejected.mustWait(topic, now);
    return channel !== old && channel.covers(topic);
  }
}
