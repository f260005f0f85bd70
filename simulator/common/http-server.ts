import type { AddressInfo } from 'node:net';
import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify';

/** One HTTP request as it arrived, and what it was answered; `status` 0: not answered (dropped, hanging, still at work). */
export interface RecordedRequest {
  at: number;
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  status: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's text before anything parsed it. */
    rawText: string;
  }
}

/** A server that keeps each body's text beside the parsed value. Bodies up to 1 MiB: a thousand topics are some 80 KB. */
export function makeServer(): FastifyInstance {
  const server = fastify({ forceCloseConnections: true, bodyLimit: 1024 * 1024, exposeHeadRoutes: false });
  server.decorateRequest('rawText', '');
  server.removeAllContentTypeParsers();
  return server;
}

export function acceptJson(server: FastifyInstance): void {
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request: FastifyRequest, body, done) => {
    request.rawText = String(body);
    // Official clients send the JSON content type on requests without a body too.
    if (request.rawText === '') return done(null, undefined);
    try {
      done(null, JSON.parse(request.rawText));
    } catch (cause) {
      done(Object.assign(new Error('The body is not JSON.', { cause }), { statusCode: 400 }), undefined);
    }
  });
}

export function acceptForm(server: FastifyInstance): void {
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (request: FastifyRequest, body, done) => {
      request.rawText = String(body);
      done(null, new URLSearchParams(request.rawText));
    },
  );
}

/** Starts listening and gives the base URL by which clients reach it. */
export async function listen(server: FastifyInstance, host: string, port: number, publicHost: string): Promise<string> {
  await server.listen({ host, port });
  const { port: chosen } = server.server.address() as AddressInfo;
  return `http://${publicHost}:${chosen}`;
}

/** Gives the connection up without an answer. */
export function dropConnection(request: FastifyRequest): void {
  request.raw.socket.destroy();
}
