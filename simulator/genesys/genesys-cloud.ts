import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { appendBounded } from '../common/bounded-log.js';
import type { SimulatedClock } from '../common/clock.js';
import { listen, type RecordedRequest } from '../common/http-server.js';
import { Observable } from '../common/observable.js';
import { makeApiServer, requireToken } from './api-server.js';
import { viewOf, type ChannelView } from './channel.js';
import { ChannelRegistry } from './channel-registry.js';
import { channelRoutes } from './channel.routes.js';
import { Conversations } from './conversations/conversations.js';
import { DirectServer } from './direct/direct-server.js';
import { Faults } from './faults.js';
import type { Announce, GenesysEvents, RecordedFrame } from './genesys-events.js';
import { makeLoginServer, tokenRoute } from './login-server.js';
import { lookupRoutes } from './lookup.routes.js';
import { wrapupCodeRoutes } from './wrapup-code.routes.js';
import { changedOptions, genesysOptions, type GenesysOptions, type GenesysOptionsInput } from './options.js';
import { recordRequests } from './recording.js';
import { SocketProtocol } from './socket-protocol.js';
import { SocketServer } from './socket-server.js';
import { Tokens } from './tokens.js';

export interface Addresses {
  host: string;
  publicHost: string;
  loginPort: number;
  apiPort: number;
  /** Where clients reach the API and its sockets when something stands in front of it; default: the API itself. */
  publicApiUrl?: string | undefined;
}

/** A Genesys Cloud region with one OAuth client: login host, API host with the channels' sockets, and a contact centre. */
export class GenesysCloud extends Observable<GenesysEvents> {
  /** Every HTTP request, upgrades too, in the order they came; the newest 200,000. */
  readonly requests: RecordedRequest[] = [];
  /** Every text frame of every channel; the newest 200,000. */
  readonly frames: RecordedFrame[] = [];
  readonly tokens: Tokens;
  readonly registry: ChannelRegistry;
  readonly conversations: Conversations;
  readonly faults: Faults;
  /** The stream of the conversation events tutorial. */
  readonly direct: DirectServer;
  #options: GenesysOptions;
  #apiUrl = '';
  readonly #login: FastifyInstance = makeLoginServer();
  readonly #api: FastifyInstance = makeApiServer();
  readonly #sockets: SocketServer;

  constructor(clock: SimulatedClock, options: Partial<GenesysOptionsInput> = {}) {
    super();
    this.#options = genesysOptions.parse(options);
    const current = (): GenesysOptions => this.#options;
    this.tokens = new Tokens(clock);
    this.registry = new ChannelRegistry(clock, this.tokens, current, (name, event) => this.announce(name, event));
    this.faults = new Faults({ clock, channels: this.registry, tokens: this.tokens, options: current });
    this.conversations = new Conversations(
      { now: () => clock.now() + this.#options.clockOffsetMs },
      {
        topic: (topic, body) => this.registry.publish(topic, body),
        isAsked: (topic) => this.registry.isAsked(topic),
        direct: (payload) => this.direct.publish(payload),
      },
      (conversationId, change) => this.announce('conversation', { conversationId, change }),
    );
    const recordRequest = (request: RecordedRequest): void => {
      appendBounded(this.requests, request);
      this.announce('request', request);
    };
    const recordFrame = (frame: RecordedFrame): void => this.#recordFrame(frame);
    const announce: Announce = (name, event) => this.announce(name, event);
    this.direct = new DirectServer({
      clock,
      tokens: this.tokens,
      faults: this.faults,
      options: current,
      announce,
      recordFrame,
      recordRequest,
    });
    this.#sockets = new SocketServer({
      clock,
      channels: this.registry,
      protocol: new SocketProtocol(this.registry, this.faults, current),
      faults: this.faults,
      options: current,
      recordFrame,
      recordRequest,
    });
    this.#addRoutes(clock, current);
  }

  get options(): GenesysOptions {
    return this.#options;
  }

  /** Changes options while it runs. Throws ZodError for unknown names and bad values; then nothing has changed. */
  configure(changes: Partial<GenesysOptionsInput>): GenesysOptions {
    this.#options = changedOptions(this.#options, changes);
    if (changes.heartbeatMs !== undefined) this.#sockets.beatEvery(this.#options.heartbeatMs);
    return this.#options;
  }

  channels(): ChannelView[] {
    return this.registry.list().map(viewOf);
  }

  /** Every topic that some channel has subscribed. */
  topics(): string[] {
    return [...new Set(this.registry.list().flatMap((channel) => [...channel.topics.keys()]))];
  }

  async start(addresses: Addresses): Promise<{ loginUrl: string; apiUrl: string }> {
    const { host, publicHost, loginPort, apiPort, publicApiUrl } = addresses;
    const loginUrl = await listen(this.#login, host, loginPort, publicHost);
    const apiUrl = await listen(this.#api, host, apiPort, publicHost);
    this.#apiUrl = publicApiUrl ?? apiUrl;
    this.#api.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const target = this.direct.takes(request) ? this.direct : this.#sockets;
      target.upgrade(request, socket, head);
    });
    return { loginUrl, apiUrl };
  }

  async stop(): Promise<void> {
    this.faults.clear();
    this.#sockets.stop();
    this.direct.stop();
    await Promise.all([this.#login.close(), this.#api.close()]);
    this.endObservation('The simulator was stopped.');
  }

  /** Forgets everything but options and tokens' validity: channels (their sockets are closed), conversations, faults, recordings. */
  reset(): void {
    this.faults.clear();
    this.registry.clear();
    this.conversations.clear();
    this.requests.length = 0;
    this.frames.length = 0;
  }

  #addRoutes(clock: SimulatedClock, options: () => GenesysOptions): void {
    const { faults, tokens } = this;
    const recording = {
      clock,
      faults,
      arrived: (request: RecordedRequest) => {
        appendBounded(this.requests, request);
        this.announce('arrived', request);
      },
      answered: (request: RecordedRequest) => this.announce('request', request),
    };
    recordRequests(this.#login, recording);
    tokenRoute(this.#login, { clock, tokens, options, announce: (name, event) => this.announce(name, event) });
    recordRequests(this.#api, recording);
    this.#api.addHook('onRequest', async (_request, reply) => {
      reply.header('Date', new Date(clock.now() + options().clockOffsetMs).toUTCString());
    });
    requireToken(this.#api, { clock, tokens, options });
    const connectUri = (id: string): string => `${this.#apiUrl.replace(/^http/, 'ws')}/channels/${id}`;
    channelRoutes(this.#api, { channels: this.registry, options, connectUri });
    lookupRoutes(this.#api, { known: this.conversations.known, faults: faults.lookups, options });
    wrapupCodeRoutes(this.#api, options);
  }

  #recordFrame(frame: RecordedFrame): void {
    appendBounded(this.frames, frame);
    this.announce('frame', frame);
  }
}
