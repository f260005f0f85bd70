import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SimulatedClock } from '../common/clock.js';
import { dropConnection, type RecordedRequest } from '../common/http-server.js';
import type { Faults } from './faults.js';
import type { RequestFault } from './request-faults.js';
import { Refusal } from './refusal.js';

declare module 'fastify' {
  interface FastifyRequest {
    recorded?: RecordedRequest;
    fault?: RequestFault | undefined;
  }
}

interface Recording {
  clock: SimulatedClock;
  faults: Faults;
  /** Called when a request has come, with status 0. */
  arrived: (request: RecordedRequest) => void;
  /** Called when its status is known: just before the answer goes out, or when the connection was dropped. */
  answered: (request: RecordedRequest) => void;
}

/** Records every request of a server and lets ordered faults happen to it. */
export function recordRequests(server: FastifyInstance, { clock, faults, arrived, answered }: Recording): void {
  const ending = new AbortController();
  server.addHook('onClose', () => ending.abort());

  server.addHook('onRequest', async (request) => {
    const { method, url, headers } = request;
    request.recorded = { at: clock.now(), method, path: url, headers, body: '', status: 0 };
    request.fault = faults.takeRequestFault(method, url);
    arrived(request.recorded);
  });

  server.addHook('preHandler', async (request, reply) => {
    keepBody(request);
    const { fault } = request;
    if (!fault) return;
    if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal: ending.signal });
    if (fault.dropConnection === true || fault.dropConnection === 'before') {
      reply.hijack();
      dropConnection(request);
      if (request.recorded) answered(request.recorded);
      return;
    }
    if (fault.status !== undefined) throw Refusal.withStatus(fault.status, fault.retryAfterS);
  });

  server.addHook('onSend', async (request, reply) => {
    keepBody(request);
    if (request.fault?.dropConnection === 'after') dropConnection(request);
    else if (request.recorded) request.recorded.status = reply.statusCode;
    if (request.recorded) answered(request.recorded);
  });
}

function keepBody(request: FastifyRequest): void {
  if (request.recorded) request.recorded.body = request.rawText;
}
