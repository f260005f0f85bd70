import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AckExtension, CometD, type Message } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { WebSocket } from 'ws';
import { AccessModule } from '../../src/access/access.module.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { TEST_KEYS, testConfig } from '../../src/config/testing/test-config.js';
import { createHttpAdapter, HTTP_OPTIONS } from '../../src/http/fastify-adapter.js';
import { HttpServerModule } from '../../src/http/http-server.module.js';
import { LifecycleModule } from '../../src/lifecycle/lifecycle.module.js';
import { ShutdownService } from '../../src/lifecycle/shutdown.service.js';
import { COMET_LIMITS, type CometLimits, DEFAULT_COMET_LIMITS } from '../../src/push/comet/comet-limits.js';
import { CometSessions } from '../../src/push/comet/comet-sessions.service.js';
import { CometModule } from '../../src/push/comet/comet.module.js';
import { TelemetryModule } from '../../src/telemetry/telemetry.module.js';

export type Transport = 'websocket' | 'long-polling';

/** The gateway's own HTTP server with nothing but CometD behind it. */
export class CometRig {
  readonly sessions: CometSessions;
  private readonly connections = new Set<Socket>();
  private readonly clients: TestClient[] = [];

  private constructor(
    readonly app: NestFastifyApplication,
    readonly url: string,
  ) {
    this.sessions = app.get(CometSessions);
    app.getHttpServer().on('connection', (socket: Socket) => {
      this.connections.add(socket);
      socket.once('close', () => this.connections.delete(socket));
    });
  }

  static async start(limits: Partial<CometLimits> = {}, env: Record<string, string> = {}): Promise<CometRig> {
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(testConfig(env)),
        TelemetryModule,
        LifecycleModule,
        HttpServerModule,
        AccessModule,
        CometModule,
      ],
    })
      .overrideProvider(COMET_LIMITS)
      .useValue({ ...DEFAULT_COMET_LIMITS, ...limits })
      .compile();
    const app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(), {
      ...HTTP_OPTIONS,
      logger: false,
    });
    await app.listen(0, '127.0.0.1');
    return new CometRig(app, `${await app.getUrl()}/genesys/cometd`);
  }

  client(transport: Transport, options: ClientOptions = {}): TestClient {
    const client = new TestClient(this.url, transport, options);
    this.clients.push(client);
    return client;
  }

  /** A client that has shaken hands, hears `/_genesys` and is connected. */
  async ready(transport: Transport, options: ClientOptions = {}): Promise<TestClient> {
    const client = this.client(transport, options);
    expect(await client.handshake()).toMatchObject({ successful: true });
    expect(await client.subscribe()).toMatchObject({ successful: true });
    await this.held(client.id);
    return client;
  }

  send(user: string, data: unknown, signal: AbortSignal = new AbortController().signal): Promise<boolean> {
    return this.sessions.send(user, data, signal);
  }

  /** Resolves when the server holds a `/meta/connect` of that client. */
  held(clientId: string): Promise<void> {
    return until(() => this.sessions.find(clientId)?.isHeld === true);
  }

  /** One request by hand, as a client without a library. */
  post(messages: unknown, headers: Record<string, string> = {}, path = '', signal?: AbortSignal): Promise<Response> {
    return fetch(this.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': TEST_KEYS.intake, ...headers },
      body: JSON.stringify(messages),
      ...(signal ? { signal } : {}),
    });
  }

  /** What `post` is answered with 200. */
  async bayeux(messages: unknown, headers: Record<string, string> = {}, path = ''): Promise<Received[]> {
    const answer = await this.post(messages, headers, path);
    expect(answer.status).toBe(200);
    return (await answer.json()) as Received[];
  }

  /** As if the network went away: every connection is reset. */
  cutAll(): void {
    for (const socket of this.connections) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.disconnect()));
    await this.app.get(ShutdownService).begin('end of the test');
    // Node.js does not count a connection as idle on which nothing was sent yet, and fetch opens one when it is aborted.
    this.cutAll();
    await this.app.close();
  }
}

/** A message from the server, looked at from outside. */
export type Received = Message & { data?: unknown };

export interface ClientOptions {
  user?: string | undefined;
  key?: string | undefined;
  ack?: boolean;
}

/** The official client. Headers carry key and user on long polls; on a WebSocket, as in browsers, the handshake does. */
export class TestClient {
  readonly user: string;
  readonly received: unknown[] = [];
  readonly statuses: Message[] = [];
  private readonly comet = new CometD();
  private readonly ext: Record<string, string> = {};

  constructor(url: string, transport: Transport, options: ClientOptions) {
    const { user = 'alice', key = TEST_KEYS.intake } = options;
    this.user = user;
    for (const type of this.comet.getTransportTypes()) {
      if (type !== transport) this.comet.unregisterTransport(type);
    }
    if (options.ack) this.comet.registerExtension('ack', new AckExtension());
    if (transport === 'websocket') this.ext = { gms_user: user, apiKey: key };
    this.comet.configure({
      url,
      logLevel: 'error' as 'warn',
      backoffIncrement: 10,
      ...(transport === 'websocket' ? {} : { requestHeaders: { gms_user: user, 'X-API-Key': key } }),
    });
    this.comet.addListener('/meta/connect', (message) => this.statuses.push(message));
  }

  get id(): string {
    return this.comet.getClientId() ?? '';
  }

  handshake(): Promise<Message> {
    return new Promise((resolve) => {
      this.comet.handshake({ ext: this.ext }, resolve);
    });
  }

  subscribe(channel = '/_genesys'): Promise<Message> {
    return new Promise((resolve) => {
      this.comet.subscribe(channel, ({ data }) => this.received.push(data), resolve);
    });
  }

  publish(channel: string, data: unknown): Promise<Message> {
    return new Promise((resolve) => {
      this.comet.publish(channel, data, resolve);
    });
  }

  disconnect(): Promise<void> {
    if (this.comet.isDisconnected()) return Promise.resolve();
    return new Promise((resolve) => {
      this.comet.disconnect(() => {
        resolve();
      });
    });
  }
}

/** Waits for something that has no event of its own here. */
export async function until(condition: () => boolean): Promise<void> {
  for (const began = performance.now(); !condition(); await delay(2)) {
    if (performance.now() - began > 10_000) throw new Error('what was waited for did not happen within 10 s');
  }
}

/** A WebSocket without a client library. */
export async function bareSocket(url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
  await once(socket, 'open');
  return socket;
}

export async function exchange(socket: WebSocket, messages: unknown): Promise<Received[]> {
  const reply = once(socket, 'message');
  socket.send(JSON.stringify(messages));
  return JSON.parse(String((await reply)[0])) as Received[];
}

// The client library expects a browser's window; its console is the test's, which has nothing to say.
adapt();
const silent = (): void => undefined;
(globalThis as unknown as { window: { console: object } }).window.console = {
  debug: silent,
  log: silent,
  info: silent,
  warn: silent,
  error: silent,
};
