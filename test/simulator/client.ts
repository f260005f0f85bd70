import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.js';

/** Whatever came over the wire: each test looks at its own shape, and types would only repeat its expectations. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Wire = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Wire;
  text: string;
}

export interface ChannelAnswer {
  id: string;
  connectUri: string;
  expires: string;
}

/** An outside client of the simulator: it knows addresses and the wire, nothing else. */
export class Client {
  readonly #sockets: Socket[] = [];
  #token = '';

  private constructor(readonly simulator: Simulator) {}

  static async start(options: SimulatorOptions = {}): Promise<Client> {
    const client = new Client(await startSimulator(options));
    client.#token = await client.newToken();
    return client;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.ws.terminate();
    await this.simulator.stop();
  }

  async newToken(): Promise<string> {
    const answer = await this.form({ grant_type: 'client_credentials' });
    return String(answer.body.access_token);
  }

  useToken(token: string): void {
    this.#token = token;
  }

  form(
    fields: Record<string, string> | string,
    headers: Record<string, string> = basic('demo-client', 'demo-secret'),
  ): Promise<Answer> {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(fields).toString();
    return request(`${this.simulator.loginUrl}/oauth/token`, {
      method: 'POST',
      body,
      headers: { ...type, ...headers },
    });
  }

  api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return request(`${this.simulator.apiUrl}/api/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  control(method: string, path: string, body?: unknown): Promise<Answer> {
    return request(`${this.simulator.controlUrl}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  }

  record(key: string | undefined, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return request(this.simulator.historyUrl, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }), ...headers },
      body: JSON.stringify(body),
    });
  }

  async channel(): Promise<ChannelAnswer> {
    return (await this.api('POST', '/notifications/channels')).body as ChannelAnswer;
  }

  subscribe(channelId: string, ids: string[], { method = 'POST', query = '' } = {}): Promise<Answer> {
    const topics = ids.map((id) => ({ id }));
    return this.api(method, `/notifications/channels/${channelId}/subscriptions${query}`, topics);
  }

  /** A connected socket. Rejects with `status` when the upgrade is refused. */
  async connect(uri: string): Promise<Socket> {
    const socket = new Socket(new WebSocket(uri, { perMessageDeflate: false }));
    this.#sockets.push(socket);
    await socket.opened;
    return socket;
  }

  async channelWithSocket(): Promise<{ channel: ChannelAnswer; socket: Socket }> {
    const channel = await this.channel();
    return { channel, socket: await this.connect(channel.connectUri) };
  }
}

/** One socket, and what came on it. */
export class Socket {
  readonly texts: string[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<number>;
  readonly #waiting = new Set<() => void>();

  constructor(readonly ws: WebSocket) {
    this.opened = new Promise((resolve, reject) => {
      ws.once('open', () => resolve());
      ws.once('error', reject);
      ws.once('unexpected-response', (_request, { statusCode, headers }) => {
        ws.terminate();
        reject(Object.assign(new Error(`refused with ${statusCode}`), { status: statusCode, headers }));
      });
    });
    this.closed = new Promise((resolve) => ws.once('close', resolve));
    ws.on('error', () => undefined);
    ws.on('message', (data) => {
      this.texts.push((data as Buffer).toString('utf8'));
      for (const look of [...this.#waiting]) look();
    });
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  next(fits: (message: Wire) => boolean, timeoutMs = 3000): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => done(() => reject(new Error(`No such message: ${String(fits)}\n${this.texts.join('\n')}`))),
        timeoutMs,
      );
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      const look = (): void => {
        const found = this.messages().find(fits);
        if (found !== undefined) done(() => resolve(found));
      };
      this.#waiting.add(look);
      look();
    });
  }

  messages(): Wire[] {
    return this.texts.map((text) => JSON.parse(text));
  }

  /** The answer to a request with a correlation id of its own. */
  async ask(message: Record<string, unknown>): Promise<Wire> {
    const correlationId = Math.random().toString(36).slice(2);
    this.send({ ...message, correlationId });
    return this.next((reply) => reply.correlationId === correlationId);
  }

  /** Sends a ping and waits for the pong: everything that was sent before has arrived then. */
  async settle(): Promise<void> {
    const before = this.#pongs();
    this.send({ message: 'ping' });
    await this.next(() => this.#pongs() > before);
  }

  topics(): string[] {
    return this.messages().map((message) => message.topicName as string);
  }

  #pongs(): number {
    return this.messages().filter((message) => message.eventBody?.message === 'pong').length;
  }
}

export function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

export function acwTopic(conversationId: string): string {
  return `v2.detail.events.conversation.${conversationId}.acw`;
}

export async function rfcPong(socket: Socket): Promise<void> {
  const pong = once(socket.ws, 'pong');
  socket.ws.ping();
  await pong;
}

async function request(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
