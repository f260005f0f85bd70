import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { listening } from './listening.js';

/** Interval of heartbeats (docs/wire-facts.md §3.4). */
const HEARTBEAT_MS = 30_000;
const HEARTBEAT = '{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}';
const PONG = '{"topicName":"channel.metadata","eventBody":{"message":"pong"}}';
const CHANNELS = '/api/v2/notifications/channels';
const DAY_MS = 86_400_000;

interface Channel {
  id: string;
  topics: Set<string>;
  socket: WebSocket | undefined;
}

interface Told {
  subscribed(topic: string): void;
  unsubscribed(topic: string): void;
}

/**
 * Genesys Cloud as far as a load generator needs it: tokens, channels, their sockets and subscriptions, look-ups that find
 * conversations still going on. Nothing is checked and nothing is recorded, which is what makes it fast.
 */
export class GenesysStandIn {
  readonly #channels = new Map<string, Channel>();
  /** The channel on which a topic was subscribed last. */
  readonly #channelOf = new Map<string, Channel>();
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  readonly #sockets = new WebSocketServer({ server: this.#http, perMessageDeflate: false });
  #made = 0;

  constructor(private readonly told: Told) {
    this.#sockets.on('connection', (socket, request) => this.#connected(socket, request));
    setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  async start(): Promise<string> {
    return `http://127.0.0.1:${await listening(this.#http)}`;
  }

  /** Topics that are subscribed on any channel. */
  get topicCount(): number {
    return this.#channelOf.size;
  }

  /** Whether an event on this topic went out; not without a connected channel that holds it. */
  send(topic: string, frame: string): boolean {
    const socket = this.#channelOf.get(topic)?.socket;
    if (!socket) return false;
    socket.send(frame);
    return true;
  }

  /** Tells the fullest channel that its socket closes soon (docs/wire-facts.md §3.2d). Returns the channel's topics. */
  announceClosing(): string[] {
    const [fullest] = [...this.#channels.values()].sort((a, b) => b.topics.size - a.topics.size);
    if (!fullest) return [];
    const { id: channelId } = fullest;
    const message = { topicName: 'v2.system.socket_closing', version: '2', eventBody: { channelId, reason: 'bench' } };
    fullest.socket?.send(JSON.stringify(message));
    return [...fullest.topics];
  }

  /** The id of the channel that a topic was subscribed on last. */
  channelOf(topic: string): string | undefined {
    return this.#channelOf.get(topic)?.id;
  }

  #beat(): void {
    for (const { socket } of this.#channels.values()) socket?.send(HEARTBEAT);
  }

  #connected(socket: WebSocket, request: IncomingMessage): void {
    const channel = this.#channel((request.url ?? '').split('/').at(-1) ?? '');
    channel.socket = socket;
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      if (channel.socket === socket) channel.socket = undefined;
    });
    socket.on('message', (data) => this.#received(channel, socket, (data as Buffer).toString('utf8')));
  }

  /** Bare programs invent their channels, so that they need no REST. */
  #channel(id: string): Channel {
    const known = this.#channels.get(id);
    if (known) return known;
    const channel: Channel = { id, topics: new Set(), socket: undefined };
    this.#channels.set(id, channel);
    return channel;
  }

  #received(channel: Channel, socket: WebSocket, text: string): void {
    const { message, topics, correlationId } = JSON.parse(text) as {
      message: string;
      topics?: string[];
      correlationId?: string;
    };
    if (message === 'ping') {
      socket.send(PONG);
      return;
    }
    if (message === 'subscribe') this.#add(channel, topics ?? []);
    else this.#remove(channel, topics ?? []);
    socket.send(JSON.stringify({ correlationId, topics, result: '200', status: `${message}d`, message: 'OK' }));
  }

  #add(channel: Channel, topics: readonly string[]): void {
    for (const topic of topics) {
      channel.topics.add(topic);
      this.#channelOf.set(topic, channel);
      this.told.subscribed(topic);
    }
  }

  #remove(channel: Channel, topics: readonly string[]): void {
    for (const topic of topics) {
      channel.topics.delete(topic);
      if (this.#channelOf.get(topic) !== channel) continue;
      this.#channelOf.delete(topic);
      this.told.unsubscribed(topic);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { status, body } = this.#answer(request.method ?? '', request.url ?? '', Buffer.concat(chunks).toString());
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #answer(method: string, url: string, body: string): { status: number; body: unknown } {
    const { pathname, searchParams } = new URL(url, 'http://stand-in');
    if (pathname === '/oauth/token')
      return ok({ access_token: 'bench-token', token_type: 'bearer', expires_in: 86_399 });
    if (pathname === CHANNELS && method === 'POST') return ok(this.#create());
    if (pathname.startsWith('/api/v2/analytics/')) {
      return ok({ conversations: (searchParams.get('id') ?? '').split(',').map(goingOn) });
    }
    const [, id, subscriptions] =
      /^\/api\/v2\/notifications\/channels\/([^/]+)(\/subscriptions)?$/.exec(pathname) ?? [];
    const channel = this.#channels.get(id ?? '');
    if (!channel) return { status: 404, body: { status: 404, code: 'not.found', message: 'not found' } };
    return subscriptions === undefined ? ok({}) : this.#subscriptions(channel, method, body);
  }

  #subscriptions(channel: Channel, method: string, body: string): { status: number; body: unknown } {
    const asked = body === '' ? [] : (JSON.parse(body) as { id: string }[]).map(({ id }) => id);
    if (method === 'PUT' || method === 'DELETE') this.#remove(channel, [...channel.topics]);
    this.#add(channel, asked);
    return ok({ entities: [...channel.topics].map((id) => ({ id, state: 'Permitted' })) });
  }

  #create(): unknown {
    const id = `streaming-bench-${++this.#made}`;
    this.#channel(id);
    const { port } = this.#http.address() as { port: number };
    const expires = new Date(Date.now() + DAY_MS).toISOString();
    return { id, connectUri: `ws://127.0.0.1:${port}/channels/${id}`, expires };
  }
}

function ok(body: unknown): { status: number; body: unknown } {
  return { status: 200, body };
}

/** A conversation that an agent is still talking in (docs/wire-facts.md §5.3): a look-up finds no finished work. */
function goingOn(conversationId: string): unknown {
  const segments = [{ segmentType: 'interact', segmentStart: '2026-01-01T00:00:00.000Z' }];
  return { conversationId, participants: [{ purpose: 'agent', sessions: [{ mediaType: 'voice', segments }] }] };
}
