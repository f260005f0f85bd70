import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
}

/** What to answer: status, headers, body (an object becomes JSON); or `drop` the connection; or do it by hand. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  drop?: boolean;
  by?: (response: ServerResponse) => void;
}

/** A real HTTP server on a free port that answers as a spec tells it, and remembers what it was asked. For specs. */
export class ScriptedServer {
  readonly seen: SeenRequest[] = [];
  /** Answers of the next requests, in order; then `otherwise`. */
  script: Reply[] = [];
  otherwise: (request: SeenRequest) => Reply | Promise<Reply> = () => ({ status: 404 });

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ScriptedServer> {
    const server = createServer();
    const scripted = new ScriptedServer(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const { method = '', url = '', headers } = request;
        void scripted.answer({ method, url, headers, body, at: Date.now() }, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(request: SeenRequest, response: ServerResponse): Promise<void> {
    this.seen.push(request);
    const reply = this.script.shift() ?? (await this.otherwise(request));
    if (reply.by) return reply.by(response);
    if (reply.drop) return void response.destroy();
    const text =
      typeof reply.body === 'string' ? reply.body : reply.body === undefined ? '' : JSON.stringify(reply.body);
    response.writeHead(reply.status ?? 200, { 'Content-Type': 'application/json', ...reply.headers });
    response.end(text);
  }
}
