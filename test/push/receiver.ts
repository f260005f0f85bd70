import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** How a receiver answers; the default is 200. */
export type Answering = (received: Received, response: ServerResponse) => void;

/** An internal service that is called back: a real HTTP server that remembers all it was sent. */
export class Receiver {
  readonly received: Received[] = [];
  private readonly waiting: { done: () => boolean; resolve: () => void }[] = [];
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const received = { path: request.url ?? '', headers: request.headers, body };
      this.received.push(received);
      this.answer(received, response);
      for (const wait of this.waiting.filter(({ done }) => done())) {
        this.waiting.splice(this.waiting.indexOf(wait), 1);
        wait.resolve();
      }
    });
  });

  answer: Answering = (_, response) => response.end();

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves once so many requests to paths that begin so have come. */
  async has(count: number, path = '/'): Promise<Received[]> {
    const those = (): Received[] => this.received.filter((one) => one.path.startsWith(path));
    await new Promise<void>((resolve) => {
      if (those().length >= count) resolve();
      else this.waiting.push({ done: () => those().length >= count, resolve });
    });
    return those();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
