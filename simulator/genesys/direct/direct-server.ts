import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { SimulatedClock } from '../../common/clock.js';
import type { RecordedRequest } from '../../common/http-server.js';
import type { Faults } from '../faults.js';
import type { Announce, RecordedFrame } from '../genesys-events.js';
import type { GenesysOptions } from '../options.js';
import { Refusal } from '../refusal.js';
import { refuseUpgrade } from '../refuse-upgrade.js';
import type { Tokens } from '../tokens.js';
import { filtered, subscriptionRequest, type DirectFilter, type DirectPayload } from './direct-filter.js';

interface Parts {
  clock: SimulatedClock;
  tokens: Tokens;
  faults: Faults;
  options: () => GenesysOptions;
  announce: Announce;
  recordFrame(frame: RecordedFrame): void;
  recordRequest(request: RecordedRequest): void;
}

interface Connection {
  id: string;
  ws: WebSocket;
  raw: Duplex;
  /** Undefined until its first SubscriptionRequest. */
  filters: DirectFilter[] | undefined;
  cancelTimeLimit: () => void;
  silent: boolean;
}

const PATH = '/api/v2/notifications';

/**
 * The stream of the conversation events tutorial: the token in the query, a SubscriptionRequest within seconds, then
 * ConversationEvents. It is not in the documented service; details that the tutorial leaves open are options.
 */
export class DirectServer {
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024, perMessageDeflate: false });
  readonly #open = new Set<Connection>();
  #count = 0;

  constructor(private readonly parts: Parts) {}

  /** Whether an upgrade is for this stream and not for a channel. */
  takes(request: IncomingMessage): boolean {
    return (request.url ?? '').split('?', 1)[0] === PATH;
  }

  get connections(): { id: string; filters: DirectFilter[] | undefined }[] {
    return [...this.#open].map(({ id, filters }) => ({ id, filters }));
  }

  upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): void {
    raw.on('error', () => raw.destroy());
    const refusal = this.parts.faults.takeRefusedUpgrade() ?? this.#refusalOf(request);
    this.#record(request, refusal?.status ?? 101);
    if (refusal) return refuseUpgrade(raw, refusal);
    this.#sockets.handleUpgrade(request, raw, head, (ws) => this.#opened(ws, raw));
  }

  /** Sends an event to every connection whose filters let it through; gives their ids. */
  publish(payload: DirectPayload): string[] {
    return [...this.#open].filter((connection) => this.#sendEvent(connection, payload)).map(({ id }) => id);
  }

  /** Ends all connections: abruptly, or with the closing handshake when a code is given. */
  closeAll(code?: number): void {
    for (const { ws } of this.#open) {
      if (code === undefined) ws.terminate();
      else ws.close(code);
    }
  }

  /** Sends a message, e.g. one of the type Error, to all. */
  say(message: unknown): void {
    for (const connection of this.#open) this.#send(connection, message);
  }

  /** From here nothing is sent and nothing answered; TCP stays. */
  silence(): void {
    for (const connection of this.#open) {
      connection.silent = true;
      connection.raw.removeAllListeners('data');
      connection.raw.on('data', () => undefined);
      connection.raw.resume();
    }
  }

  stop(): void {
    this.closeAll();
    this.#sockets.close();
  }

  #refusalOf(request: IncomingMessage): Refusal | undefined {
    const token = new URL(request.url ?? '', 'http://host').searchParams.get('access_token');
    if (token === null || !this.parts.tokens.valid(token)) return Refusal.withStatus(401);
    return this.#open.size >= this.parts.options().directMaxConnections ? Refusal.withStatus(429) : undefined;
  }

  #opened(ws: WebSocket, raw: Duplex): void {
    const { clock, options, announce } = this.parts;
    const id = `direct-${(this.#count += 1)}`;
    const cancelTimeLimit = clock.after(options().directSubscribeWithinMs, () =>
      ws.close(1008, 'No SubscriptionRequest.'),
    );
    const connection: Connection = { id, ws, raw, filters: undefined, cancelTimeLimit, silent: false };
    this.#open.add(connection);
    ws.on('message', (data) => this.#received(connection, (data as Buffer).toString('utf8')));
    ws.on('error', () => undefined);
    ws.on('close', (code) => {
      cancelTimeLimit();
      this.#open.delete(connection);
      announce('disconnected', { channelId: id, code });
    });
    announce('connected', { channelId: id });
  }

  #received(connection: Connection, text: string): void {
    this.#frame(connection, 'in', text);
    if (this.parts.faults.takeIgnoredSubscribe()) return;
    const request = subscriptionRequest.safeParse(jsonOf(text));
    if (!request.success)
      return this.#send(connection, { type: 'Error', message: 'The subscription request is not valid.' });
    connection.cancelTimeLimit();
    // Whether a second request adds or replaces is not documented.
    connection.filters = request.data.topics.map((topic) => topic.filter);
    this.#send(connection, { type: 'SubscriptionConfirmation', subscriptionId: randomUUID() });
    this.parts.announce('direct-subscribed', { connectionId: connection.id, topics: connection.filters.length });
  }

  #sendEvent(connection: Connection, payload: DirectPayload): boolean {
    for (const filter of connection.filters ?? []) {
      const part = filtered(payload, filter);
      if (!part) continue;
      this.#send(connection, { type: 'ConversationEvent', id: randomUUID(), payload: part });
      return true;
    }
    return false;
  }

  #send(connection: Connection, message: unknown): void {
    if (connection.silent || connection.ws.readyState !== connection.ws.OPEN) return;
    const text = JSON.stringify(message);
    connection.ws.send(text);
    this.#frame(connection, 'out', text);
  }

  #frame({ id }: Connection, direction: 'in' | 'out', text: string): void {
    this.parts.recordFrame({ at: this.parts.clock.now(), channelId: id, direction, text });
  }

  #record(request: IncomingMessage, status: number): void {
    const { method = 'GET', url = '/', headers } = request;
    this.parts.recordRequest({ at: this.parts.clock.now(), method, path: url, headers, body: '', status });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
