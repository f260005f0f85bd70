import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.js';
import { acceptOnlyJson } from './json-parser.js';
import { BODY_LIMIT_BYTES, KEEP_ALIVE_MS, MAX_PARAMETER_LENGTH } from './limits.js';
import { givenCorrelationId } from './correlation-id.js';
import { RouteTable } from './route-table.js';
import { answerMalformed, answerUnroutable } from './unroutable.js';

/** For `NestFactory.create(module, createHttpAdapter(), HTTP_OPTIONS)`: the adapter has its own body parser. */
export const HTTP_OPTIONS = { bodyParser: false } as const;

/** How often requests that take too long are looked for. */
const CHECK_MS = 1_000;

/** What the variables HTTP_REQUEST_TIMEOUT_MS and HTTP_MAX_CONNECTIONS are without being set. */
const DEFAULTS: HttpLimits = { requestTimeoutMs: 30_000, maxConnections: 12_000 };

type HttpLimits = Pick<Config['server'], 'requestTimeoutMs' | 'maxConnections'>;

const tables = new WeakMap<object, RouteTable>();

/** The HTTP server of the gateway, before any route: limits, JSON only, a correlation id on every answer. */
export function createHttpAdapter({ requestTimeoutMs, maxConnections }: HttpLimits = DEFAULTS): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: requestTimeoutMs,
    // Node.js gives headers 60 s of their own, and looks for what is late only every 30 s: that makes 90 s of 30.
    http: {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeoutMs),
    },
    keepAliveTimeout: KEEP_ALIVE_MS,
    trustProxy: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerMalformed(requestTimeoutMs),
    genReqId: ({ headers }: IncomingMessage) => givenCorrelationId(headers) ?? randomUUID(),
  });
  const instance = adapter.getInstance<FastifyInstance>();
  // One more is closed by Node.js before anything is read from it.
  instance.server.maxConnections = maxConnections;
  const table = new RouteTable();
  table.watch(instance);
  tables.set(rootOf(instance), table);
  acceptOnlyJson(instance);
  instance.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Correlation-Id', request.id).header('X-Content-Type-Options', 'nosniff');
    done();
  });
  return adapter;
}

/** The routes of the server that `instance` is, or is a part of. */
export function routeTableOf(instance: FastifyInstance): RouteTable | undefined {
  return tables.get(rootOf(instance));
}

/** Fastify's nested instances inherit from the outer ones, and share the one Node.js server. */
function rootOf(instance: FastifyInstance): object {
  return instance.server;
}
