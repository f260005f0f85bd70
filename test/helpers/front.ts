import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a proxy says itself, instead of asking the service behind it. */
export interface OwnAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  /** Only requests for these paths; default: every one. */
  only?: RegExp;
}

/** An HTTP proxy before a service: passes requests on, until it is told to answer them itself. */
export class Front {
  answer: OwnAnswer | undefined;
  /** Paths that it answered itself. */
  readonly answered: string[] = [];

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {
    server.on('request', (asked, reply) => this.serve(asked, reply));
  }

  static async before(target: string): Promise<Front> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Front(server, new URL(target));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(asked: IncomingMessage, reply: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = asked;
    if (this.answer && (this.answer.only?.test(url) ?? true)) {
      this.answered.push(url);
      reply.writeHead(this.answer.status, this.answer.headers).end(this.answer.body);
      return;
    }
    const { hostname, port } = this.target;
    const passed = request({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    passed.on('error', () => reply.destroy());
    asked.pipe(passed);
  }
}
