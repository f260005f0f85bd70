import { randomUUID } from 'node:crypto';
import type { SimulatedClock } from '../common/clock.js';
import { Channel, systemNotice } from './channel.js';
import type { ChannelSocket } from './channel-socket.js';
import type { Announce, RemovalReason } from './genesys-events.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import type { Token, Tokens } from './tokens.js';
import type { RequestedTopic } from './topics.js';

type Via = 'rest' | 'socket';

/** All channels of the one OAuth client, their limits and their life (docs/wire-facts.md §2.5), and the way of an event to their sockets. */
export class ChannelRegistry {
  readonly #channels = new Map<string, Channel>();
  readonly #byTopic = new Map<string, Set<Channel>>();

  constructor(
    private readonly clock: SimulatedClock,
    private readonly tokens: Tokens,
    private readonly options: () => GenesysOptions,
    private readonly announce: Announce,
  ) {}

  /** Creating one more than allowed removes the one used longest ago, without an active connection first, and says nothing (docs/wire-facts.md §2). */
  create(token: Token): Channel {
    const { maxChannels, channelLifeMs } = this.options();
    while (this.#channels.size >= maxChannels) this.#evictOldest();
    const now = this.clock.now();
    const channel = new Channel(token, now, now + channelLifeMs);
    this.#channels.set(channel.id, channel);
    this.#armExpiry(channel);
    this.announce('channel', { channelId: channel.id });
    return channel;
  }

  /** Throws the 404 of an unknown, evicted or expired channel. */
  get(id: string): Channel {
    const channel = this.#channels.get(id);
    const alive = channel && (this.tokenOf(channel) !== undefined || !this.options().channelsDieWithToken);
    if (!channel || !alive) throw Refusal.notFound();
    return channel;
  }

  find(id: string): Channel | undefined {
    return this.#channels.get(id);
  }

  list(): Channel[] {
    return [...this.#channels.values()];
  }

  /** The token that made the channel, while it is valid: the socket's requests depend on it (docs/wire-facts.md §3.2g). */
  tokenOf(channel: Channel): Token | undefined {
    return this.tokens.valid(channel.token.value);
  }

  /** Adds topics and extends the channel's life. Throws 400 when there would be too many; then nothing was done. */
  add(channel: Channel, requested: RequestedTopic[], via: Via): void {
    const ids = new Set([...channel.topics.keys(), ...requested.map((topic) => topic.id)]);
    this.#refuseTooMany(ids.size);
    const activeAt = this.clock.now() + this.options().subscribeDelayMs;
    for (const topic of requested) {
      if (channel.topics.has(topic.id)) continue;
      channel.add({ ...topic, activeAt });
      for (const name of topic.expanded) this.#index(name).add(channel);
    }
    this.#extend(channel);
    this.announce('subscribed', { channelId: channel.id, topics: requested.map((topic) => topic.id), via });
  }

  /** Makes these the whole list; what stays keeps flowing. Throws 400 as `add`. */
  replace(channel: Channel, requested: RequestedTopic[]): void {
    this.#refuseTooMany(requested.length);
    const keep = new Set(requested.map((topic) => topic.id));
    const dropped = [...channel.topics.keys()].filter((id) => !keep.has(id));
    if (dropped.length > 0) this.remove(channel, dropped, 'rest');
    this.add(channel, requested, 'rest');
  }

  remove(channel: Channel, ids: string[], via: Via): void {
    const removed = this.dropTopics(channel, ids);
    channel.lastUsedAt = this.clock.now();
    this.announce('unsubscribed', { channelId: channel.id, topics: removed, via });
  }

  /** The subscriptions vanish and nobody is told. */
  dropTopics(channel: Channel, ids: string[]): string[] {
    const removed = ids.filter((id) => channel.topics.has(id));
    for (const name of removed.flatMap((id) => channel.remove(id))) this.#unindex(name, channel);
    return removed;
  }

  /** A second socket ends the first (docs/wire-facts.md §2.5). */
  attach(channel: Channel, socket: ChannelSocket): void {
    const first = channel.socket;
    channel.socket = socket;
    channel.lastUsedAt = this.clock.now();
    first?.close(1001, 'Another socket uses this channel.');
    this.announce('connected', { channelId: channel.id });
  }

  detach(socket: ChannelSocket, code: number): void {
    const channel = this.#channels.get(socket.channelId);
    if (channel?.socket === socket) {
      channel.socket = undefined;
      channel.lastUsedAt = this.clock.now();
    }
    this.announce('disconnected', { channelId: socket.channelId, code });
  }

  /** Removes a channel: 404 from now on. Its socket is told (if so set) and closed, unless `keepSocket`. */
  evict(
    channel: Channel,
    reason: RemovalReason,
    { notice = this.options().evictionNotice, keepSocket = false } = {},
  ): void {
    channel.gone = true;
    channel.cancelExpiry();
    this.dropTopics(channel, [...channel.topics.keys()]);
    this.#channels.delete(channel.id);
    const { socket } = channel;
    if (socket && notice) {
      socket.send(systemNotice(`v2.system.no_longer_subscribed.${channel.id}`, channel.id, 'The channel was removed.'));
    }
    if (!keepSocket) socket?.close(1001, 'The channel was removed.');
    this.announce('evicted', { channelId: channel.id, reason });
  }

  /** Whether any channel has subscribed this topic. */
  isAsked(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /** Sends an event to every channel that subscribed this topic and has a socket; gives the ids of those. */
  publish(topic: string, eventBody: unknown): string[] {
    const subscribed = this.#byTopic.get(topic);
    if (!subscribed) this.announce('event-missed', { topic, reason: 'no-subscription' });
    return [...(subscribed ?? [])].filter((channel) => this.#sendEvent(channel, topic, eventBody)).map(({ id }) => id);
  }

  clear(): void {
    for (const channel of this.list()) this.evict(channel, 'reset', { notice: false });
  }

  #sendEvent(channel: Channel, topic: string, eventBody: unknown): boolean {
    const missed = (reason: 'no-socket' | 'spreading' | 'silent'): boolean => {
      this.announce('event-missed', { channelId: channel.id, topic, reason });
      return false;
    };
    const activeAt = channel.activeAt(topic) ?? Infinity;
    if (activeAt > this.clock.now()) return missed('spreading');
    if (!channel.socket) return missed('no-socket');
    const metadata = { CorrelationId: randomUUID() };
    if (!channel.socket.send({ topicName: topic, version: '2', eventBody, metadata })) return missed('silent');
    this.announce('event-sent', { channelId: channel.id, topic, eventBody });
    return true;
  }

  #evictOldest(): void {
    const [oldest] = this.list().sort(
      (a, b) => Number(a.socket !== undefined) - Number(b.socket !== undefined) || a.lastUsedAt - b.lastUsedAt,
    );
    if (oldest) this.evict(oldest, 'quota');
  }

  #extend(channel: Channel): void {
    channel.lastUsedAt = this.clock.now();
    channel.expiresAt = channel.lastUsedAt + this.options().channelLifeMs;
    this.#armExpiry(channel);
  }

  #armExpiry(channel: Channel): void {
    channel.cancelExpiry();
    channel.cancelExpiry = this.clock.at(channel.expiresAt, () => this.evict(channel, 'expired', { notice: false }));
  }

  #refuseTooMany(count: number): void {
    if (count <= this.options().maxTopics) return;
    throw new Refusal(400, 'notification.subscription.too.many.subscriptions', 'Too many subscriptions');
  }

  #index(topic: string): Set<Channel> {
    const channels = this.#byTopic.get(topic) ?? new Set<Channel>();
    this.#byTopic.set(topic, channels);
    return channels;
  }

  #unindex(topic: string, channel: Channel): void {
    const channels = this.#byTopic.get(topic);
    channels?.delete(channel);
    if (channels?.size === 0) this.#byTopic.delete(topic);
  }
}
