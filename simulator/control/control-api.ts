import { STATUS_CODES } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { z, ZodError } from 'zod';
import { acceptJson, makeServer } from '../common/http-server.js';
import { Misuse, NotThere } from '../common/misuse.js';
import { conversationOperations } from './conversation.operations.js';
import { genesysOperations } from './genesys.operations.js';
import { historyOperations } from './history.operations.js';
import { operation, type Controlled, type Operation } from './operation.js';
import { planOperations } from './plan.operations.js';

const none = z.strictObject({});

const general: Operation[] = [
  operation('GET /', 'This list', none, () => ({
    operations: operations.map(({ method, path, summary, fields }) => ({
      operation: `${method} ${path}`,
      summary,
      fields,
    })),
  })),
  operation('GET /state', 'Counts', none, (controlled) => stateOf(controlled)),
  operation(
    'DELETE /state',
    'Forget channels, conversations, records, recordings and faults; options, tokens and the clock stay',
    none,
    ({ genesys, history }) => {
      genesys.reset();
      history.reset();
    },
  ),
  operation('GET /clock', 'The simulated time', none, ({ clock }) => ({ now: clock.now(), iso: clock.iso() })),
  operation(
    'POST /clock/advance',
    'Move the time forward: channels and tokens end, rate limits start anew',
    z.strictObject({ ms: z.number().min(0) }),
    ({ clock }, { body }) => {
      clock.advance(body.ms);
      return { now: clock.now(), iso: clock.iso() };
    },
  ),
];

const operations: Operation[] = [
  ...general,
  ...conversationOperations,
  ...planOperations,
  ...genesysOperations,
  ...historyOperations,
];

/** The API by which tests, the demo and people drive the simulator. */
export function makeControlServer(controlled: Controlled): FastifyInstance {
  const server = makeServer();
  acceptJson(server);
  for (const { method, path, handle } of operations) {
    server.route({
      method,
      url: path,
      handler: async (request) => {
        const { body, params, query } = request as {
          body: unknown;
          params: Record<string, string>;
          query: Record<string, string>;
        };
        return handle(controlled, { body, params, query }) ?? {};
      },
    });
  }
  server.setNotFoundHandler((request, reply) =>
    reply.status(404).send({
      statusCode: 404,
      error: 'Not Found',
      message: `There is no ${request.method} ${request.url}; GET / lists what there is.`,
    }),
  );
  server.setErrorHandler((error, _request, reply) => {
    const { statusCode, message } = asAnswer(error);
    return reply.status(statusCode).send({ statusCode, error: STATUS_CODES[statusCode], message });
  });
  return server;
}

function asAnswer(error: unknown): { statusCode: number; message: string } {
  if (error instanceof ZodError) return { statusCode: 400, message: z.prettifyError(error) };
  const { message, statusCode = 500 } = error as { message: string; statusCode?: number };
  if (error instanceof Misuse) return { statusCode: error instanceof NotThere ? 404 : 400, message };
  return { statusCode, message };
}

function stateOf({ genesys, history, clock }: Controlled): unknown {
  const channels = genesys.channels();
  return {
    now: clock.iso(),
    genesys: {
      tokens: genesys.tokens.list().length,
      channels: channels.length,
      connected: channels.filter((channel) => channel.connected).length,
      topics: genesys.topics().length,
      conversations: genesys.conversations.list().length,
      requests: genesys.requests.length,
      frames: genesys.frames.length,
    },
    history: {
      records: history.records.size,
      received: history.received.length,
      repeats: history.repeats,
      conflicts: history.conflicts.length,
    },
  };
}
