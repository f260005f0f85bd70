import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { acceptJson, makeServer } from '../common/http-server.js';
import type { SimulatedClock } from '../common/clock.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import type { Token, Tokens } from './tokens.js';

declare module 'fastify' {
  interface FastifyRequest {
    token?: Token;
  }
}

const WINDOW_MS = 60_000;

interface Parts {
  clock: SimulatedClock;
  tokens: Tokens;
  options: () => GenesysOptions;
}

/** The API host: every request needs a valid token, counts towards the rate limit, and errors are the platform's ErrorBody. */
export function makeApiServer(): FastifyInstance {
  const server = makeServer();
  acceptJson(server);
  server.addHook('onRequest', async (_request, reply) => {
    reply.header('ININ-Correlation-Id', randomUUID());
  });
  server.setErrorHandler((error, _request, reply) => sendRefusal(reply, asRefusal(error)));
  server.setNotFoundHandler((_request, reply) => sendRefusal(reply, Refusal.notFound()));
  return server;
}

/** To be called after the recording of requests, so that refused ones are recorded with their bodies. */
export function requireToken(server: FastifyInstance, { clock, tokens, options }: Parts): void {
  server.addHook('preHandler', async (request, reply) => {
    if (reply.sent) return;
    const token = authenticate(request, tokens);
    request.token = token;
    count(token, reply, clock.now(), options().requestsPerMinute);
  });
}

/** The token of a request that passed `requireToken`. */
export function tokenOf(request: FastifyRequest): Token {
  if (!request.token) throw new Error('The route is not behind requireToken.');
  return request.token;
}

function authenticate(request: FastifyRequest, tokens: Tokens): Token {
  // Clients write the scheme in either case (docs/wire-facts.md §1.5).
  const value = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (value === undefined) {
    throw new Refusal(
      401,
      'authentication.required',
      'No authentication bearer token specified in authorization header.',
    );
  }
  const token = tokens.valid(value);
  if (!token) throw new Refusal(401, 'bad.credentials', 'Invalid login credentials.');
  return token;
}

/** Fixed windows of a minute per token; the headers are those of docs/wire-facts.md §6.1. */
function count({ window }: Token, reply: FastifyReply, now: number, allowed: number): void {
  if (now - window.startedAt >= WINDOW_MS) Object.assign(window, { startedAt: now, count: 0 });
  window.count += 1;
  const resetS = Math.max(1, Math.ceil((window.startedAt + WINDOW_MS - now) / 1000));
  reply.headers({
    'inin-ratelimit-count': String(Math.min(window.count, allowed)),
    'inin-ratelimit-allowed': String(allowed),
    'inin-ratelimit-reset': String(resetS),
  });
  if (window.count <= allowed) return;
  throw Refusal.rateLimited(resetS, { key: 'client.credentials.token.rate.per.minute', value: allowed });
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  return Refusal.withStatus(status);
}

function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const contextId = String(reply.getHeader('ININ-Correlation-Id'));
  return reply.status(refusal.status).headers(refusal.headers).type('application/json').send(refusal.body(contextId));
}
