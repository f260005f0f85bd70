import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ReceivedRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver of callbacks that keeps what it got and answers as it is told; 200 unless told. */
export class Receiver {
  readonly requests: ReceivedRequest[] = [];
  /** Connections ever made. */
  connections = 0;
  answer: (response: ServerResponse, request: ReceivedRequest) => void = (response) => void response.end();

  private constructor(private readonly server: Server) {
    server.on('connection', () => this.connections++);
    server.on('request', (request, response: ServerResponse) => {
      text(request).then(
        (body) => {
          const { method = '', url = '', headers } = request;
          const received = { method, url, headers, body };
          this.requests.push(received);
          this.answer(response, received);
        },
        () => response.destroy(),
      );
    });
  }

  static async listen(address = '127.0.0.1'): Promise<Receiver> {
    const server = createServer();
    server.listen(0, address);
    await once(server, 'listening');
    return new Receiver(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
