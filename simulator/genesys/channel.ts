import { randomInt, randomUUID } from 'node:crypto';
import type { ChannelSocket } from './channel-socket.js';
import type { Token } from './tokens.js';

export interface Subscription {
  id: string;
  expanded: string[];
  /** Events before this are not sent: the subscription is still spreading. */
  activeAt: number;
}

/** A notification channel: it owns the subscriptions, with or without a socket (docs/wire-facts.md §3.1). */
export class Channel {
  readonly id = `streaming-0-${randomName(26)}`;
  /** By the id that was asked for. To be changed through `add` and `remove` only. */
  readonly topics = new Map<string, Subscription>();
  /** Event topic to the subscriptions that ask for it: plain and combined ones may overlap. */
  readonly #covering = new Map<string, Subscription[]>();
  socket: ChannelSocket | undefined;
  lastUsedAt: number;
  /** Gone channels answer 404, to a socket that is still open too. */
  gone = false;
  cancelExpiry: () => void = () => undefined;

  constructor(
    readonly token: Token,
    readonly createdAt: number,
    public expiresAt: number,
  ) {
    this.lastUsedAt = createdAt;
  }

  add(subscription: Subscription): void {
    this.topics.set(subscription.id, subscription);
    for (const name of subscription.expanded) {
      const covering = this.#covering.get(name) ?? [];
      this.#covering.set(name, [...covering, subscription]);
    }
  }

  /** Gives the event topics that nothing on this channel asks for any more. */
  remove(id: string): string[] {
    const subscription = this.topics.get(id);
    this.topics.delete(id);
    return (subscription?.expanded ?? []).filter((name) => {
      const left = (this.#covering.get(name) ?? []).filter((other) => other !== subscription);
      if (left.length > 0) this.#covering.set(name, left);
      else this.#covering.delete(name);
      return left.length === 0;
    });
  }

  /** When events of this topic began to flow, or will; undefined when it is not subscribed. */
  activeAt(topic: string): number | undefined {
    const covering = this.#covering.get(topic);
    return covering && Math.min(...covering.map((subscription) => subscription.activeAt));
  }
}

/** What tests and people see of a channel. */
export interface ChannelView {
  id: string;
  connected: boolean;
  topics: string[];
  createdAt: number;
  expiresAt: number;
  lastUsedAt: number;
}

export function viewOf(channel: Channel): ChannelView {
  const { id, createdAt, expiresAt, lastUsedAt } = channel;
  return {
    id,
    connected: channel.socket !== undefined,
    topics: [...channel.topics.keys()],
    createdAt,
    expiresAt,
    lastUsedAt,
  };
}

/** A system notice as the service sends it unasked (docs/wire-facts.md §3.2d, §3.5). */
export function systemNotice(topicName: string, channelId: string, message: string): Record<string, unknown> {
  const eventBody = { channelId, reason: message, message };
  return { topicName, version: '2', eventBody, metadata: { CorrelationId: randomUUID() } };
}

function randomName(length: number): string {
  return Array.from({ length }, () => randomInt(36).toString(36)).join('');
}
