import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One pushed event as one subscriber got it. */
interface Got {
  /** Distinct `Idempotency-Key`s under which it came; one, when all is well. */
  keys: Set<string>;
  requests: number;
}

/** Takes callbacks on `/cb/<subscriber>` and remembers each; some subscribers can be made to fail. */
export class CallbackReceiver {
  /** By `<subscriber>|<body>`. Only what was answered with 200 counts. */
  readonly got = new Map<string, Got>();
  /** Subscribers that fail now, in one of three ways. */
  failing: (subscriber: number) => boolean = () => false;
  failures = 0;
  /** How long each subscriber's receiver takes to answer, ms. */
  latencyMs: (subscriber: number) => number = () => 0;

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => this.take(request, response));
  }

  static async open(): Promise<CallbackReceiver> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new CallbackReceiver(server);
  }

  urlOf(subscriber: number): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/cb/${subscriber}`;
  }

  get repeats(): number {
    return [...this.got.values()].reduce((sum, { requests }) => sum + requests - 1, 0);
  }

  get distinctDuplicates(): number {
    return [...this.got.values()].filter(({ keys }) => keys.size > 1).length;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const subscriber = Number(request.url?.slice('/cb/'.length));
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (this.failing(subscriber)) return this.fail(subscriber, response);
      const id = `${subscriber}|${Buffer.concat(chunks).toString()}`;
      const got = this.got.get(id) ?? { keys: new Set<string>(), requests: 0 };
      got.keys.add(String(request.headers['idempotency-key']));
      got.requests++;
      this.got.set(id, got);
      setTimeout(() => response.writeHead(200).end(), this.latencyMs(subscriber));
    });
  }

  private fail(subscriber: number, response: ServerResponse): void {
    this.failures++;
    const way = (subscriber / 10) % 3;
    if (way < 1) response.writeHead(503).end();
    else if (way < 2) response.destroy();
    // The third never answers: its time-out ends it.
  }
}
