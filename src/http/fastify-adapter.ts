import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { acceptOnlyJson } from './json-parser.js';
import { BODY_LIMIT_BYTES, KEEP_ALIVE_MS, MAX_PARAMETER_LENGTH, REQUEST_TIMEOUT_MS } from './limits.js';
import { RouteTable } from './route-table.js';
import { answerMalformed, answerUnroutable } from './unroutable.js';

/** For `NestFactory.create(module, createHttpAdapter(), HTTP_OPTIONS)`: the adapter has its own body parser. */
export const HTTP_OPTIONS = { bodyParser: false } as const;

/** A correlation id that a caller may choose; anything else gets one of ours. */
const CORRELATION_ID = /^[A-Za-z0-9._:-]{1,128}$/;

const tables = new WeakMap<object, RouteTable>();

/** The HTTP server of the gateway, before any route: limits, JSON only, a correlation id on every answer. */
export function createHttpAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    trustProxy: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerMalformed,
    genReqId: ({ headers }: IncomingMessage) => {
      const given = headers['x-correlation-id'];
      return typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUID();
    },
  });
  const instance = adapter.getInstance<FastifyInstance>();
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
