import { z } from 'zod';
import type { Channel } from './channel.js';
import type { ChannelRegistry } from './channel-registry.js';
import type { ChannelSocket } from './channel-socket.js';
import type { Faults } from './faults.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import { judge } from './topics.js';

const message = z.object({ message: z.string(), correlationId: z.string().optional(), topics: z.unknown().optional() });
const topicList = z.array(z.string().min(1)).min(1);

/** The answer to a ping (docs/wire-facts.md §3.2b). */
const PONG = { topicName: 'channel.metadata', eventBody: { message: 'pong' } };

interface Reply {
  correlationId: string | undefined;
  topics: string[];
  /** A string, not a number (docs/wire-facts.md §3.2e). */
  result: string;
  status: string;
  message: string;
}

/** What the service does with a client's text frame (docs/wire-facts.md §3.3). Replies carry no topicName. */
export class SocketProtocol {
  constructor(
    private readonly channels: ChannelRegistry,
    private readonly faults: Faults,
    private readonly options: () => GenesysOptions,
  ) {}

  /** Answers one frame; nothing that a client writes ends the connection (docs/wire-facts.md §3.3). */
  answer(channel: Channel, socket: ChannelSocket, text: string): void {
    const parsed = message.safeParse(jsonOf(text));
    if (!parsed.success) {
      socket.sendAfter(this.faults.replyDelayMs, reply(undefined, [], '400', 'error', 'The message is not valid.'));
      return;
    }
    const { message: kind, correlationId, topics } = parsed.data;
    if (kind === 'ping') {
      socket.sendAfter(this.faults.replyDelayMs, PONG);
      return;
    }
    if (this.faults.takeIgnoredSubscribe()) return;
    socket.sendAfter(this.faults.replyDelayMs, this.#change(channel, kind, correlationId, topics));
  }

  #change(channel: Channel, kind: string, correlationId: string | undefined, topics: unknown): Reply {
    if (kind !== 'subscribe' && kind !== 'unsubscribe') {
      return reply(correlationId, [], '400', 'error', 'Unknown message.');
    }
    if (channel.gone || !this.channels.tokenOf(channel)) {
      return reply(correlationId, [], '404', 'error', 'The channel does not exist.');
    }
    const ids = topicList.safeParse(topics);
    // The text is a real capture (docs/wire-facts.md §3.2f).
    if (!ids.success) return reply(correlationId, [], '400', 'error', `Required data missing from ${kind} request.`);
    if (kind === 'unsubscribe') {
      this.channels.remove(channel, ids.data, 'socket');
      return reply(correlationId, ids.data, '200', 'unsubscribed', 'Unsubscribed.');
    }
    try {
      this.channels.add(channel, judge(ids.data, this.options().forbiddenTopics, false).accepted, 'socket');
      return reply(correlationId, ids.data, '200', 'subscribed', 'Subscribed.');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return reply(correlationId, [], String(error.status), 'error', error.message);
    }
  }
}

function reply(
  correlationId: string | undefined,
  topics: string[],
  result: string,
  status: string,
  text: string,
): Reply {
  return { correlationId, topics, result, status, message: text };
}

/** Clients write keep-alives that are no JSON (docs/wire-facts.md §3.3): then undefined. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
