import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';

const fixture = (name: string): string => readFileSync(new URL(`./certificates/${name}`, import.meta.url), 'utf8');

/** Of 127.0.0.1 and localhost, self-signed, for the fakes of push services only; also a client's. */
export const TEST_CERTIFICATE = fixture('push.cert.pem');
export const TEST_KEY = fixture('push.key.pem');

export interface Seen {
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  /** The connection that it came by. */
  socket: Socket;
  /** Subject of the client's certificate, when there is one. */
  client: string | undefined;
}

export interface Exchange {
  seen: Seen;
  response: Http2ServerResponse;
  /** Undefined for HTTP/1.1. */
  session: ServerHttp2Session | undefined;
}

/** What to answer (an object as body becomes JSON), or do it by hand. */
export type Answer =
  { status: number; headers?: Record<string, string>; body?: unknown } | ((exchange: Exchange) => void);

/** A TLS server that speaks HTTP/2 and HTTP/1.1, answers as a test tells it, and remembers what it was asked. */
export class PushServiceServer {
  readonly seen: Seen[] = [];
  /** Answers of the next requests, in order; then `otherwise`. */
  script: Answer[] = [];
  otherwise: (seen: Seen) => Answer = () => ({ status: 200 });
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private readonly waiting: { count: number; done: () => void }[] = [];

  private constructor(private readonly server: Http2SecureServer | Server) {
    server.on('secureConnection', (socket: TLSSocket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      // Resets are what some tests are about.
      socket.on('error', () => undefined);
    });
    server.on('sessionError', () => undefined);
    // HTTP/2's compatibility layer gives HTTP/1.1's objects nearly the same form.
    server.on(
      'request',
      (request: Http2ServerRequest, response: Http2ServerResponse) => void this.take(request, response),
    );
  }

  static async start(options: { requestCert?: boolean; http1?: boolean } = {}): Promise<PushServiceServer> {
    const { requestCert = false, http1 = false } = options;
    const tls = {
      cert: TEST_CERTIFICATE,
      key: TEST_KEY,
      ...(requestCert ? { requestCert, ca: TEST_CERTIFICATE } : {}),
    };
    const server = http1 ? createServer(tls) : createSecureServer({ ...tls, allowHTTP1: true });
    const started = new PushServiceServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return started;
  }

  get url(): string {
    return `https://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  /** Resolves as soon as so many requests have been seen. */
  async received(count: number): Promise<void> {
    if (this.seen.length >= count) return;
    await new Promise<void>((done) => this.waiting.push({ count, done }));
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async take(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    let body = '';
    request.setEncoding('utf8');
    response.on('error', () => undefined);
    try {
      for await (const chunk of request as AsyncIterable<string>) body += chunk;
    } catch {
      return; // The client went away: nothing was asked.
    }
    const session = (request.stream as typeof request.stream | undefined)?.session as ServerHttp2Session | undefined;
    const socket = (session?.socket ?? request.socket) as TLSSocket;
    const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>;
    const client = [subject?.CN].flat()[0];
    const seen = { path: request.url, headers: request.headers, body, socket, client };
    this.seen.push(seen);
    this.answer({ seen, response, session });
    for (const { count, done } of this.waiting) if (this.seen.length >= count) done();
  }

  private answer(exchange: Exchange): void {
    const answer = this.script.shift() ?? this.otherwise(exchange.seen);
    if (typeof answer === 'function') {
      answer(exchange);
      return;
    }
    const { status, headers = {}, body } = answer;
    exchange.response.writeHead(status, headers);
    exchange.response.end(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''));
  }
}
