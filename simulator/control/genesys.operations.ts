import { z } from 'zod';
import type { RecordedRequest } from '../common/http-server.js';
import type { Faults } from '../genesys/faults.js';
import { genesysOptions } from '../genesys/options.js';
import { defined } from './defined.js';
import { newest, operation, type Operation } from './operation.js';

const none = z.strictObject({});
const count = z.number().int().min(1).max(1_000_000).optional();
const target = z.strictObject({ channelId: z.string().default('all') });
const status = z.number().int().min(400).max(599);

/** Turns a fault's schema and call into the operation that orders it. */
function fault<Schema extends z.ZodObject>(
  name: string,
  summary: string,
  schema: Schema,
  order: (faults: Faults, body: z.output<Schema>) => unknown,
): Operation {
  return operation(`POST /genesys/faults/${name}`, summary, schema, ({ genesys }, { body }) =>
    order(genesys.faults, body),
  );
}

const faults: Operation[] = [
  fault(
    'close-socket',
    'End sockets abruptly, or with a close code',
    target.extend({ code: z.number().int().min(1000).max(4999).optional() }),
    (to, { channelId, ...rest }) => to.closeSocket(channelId, defined(rest)),
  ),
  fault('silence', 'The present sockets say nothing any more; TCP stays', target, (to, { channelId }) =>
    to.silence(channelId),
  ),
  fault('socket-closing', 'v2.system.socket_closing, and the close closingGraceMs later', target, (to, { channelId }) =>
    to.socketClosing(channelId),
  ),
  fault(
    'evict',
    'Remove channels as the quota would',
    target.extend({ notice: z.boolean().optional() }),
    (to, { channelId, ...rest }) => to.evict(channelId, defined(rest)),
  ),
  fault(
    'no-longer-subscribed',
    'Tell the client, remove the channel, leave the socket open',
    target,
    (to, { channelId }) => to.noLongerSubscribed(channelId),
  ),
  fault(
    'revoke-tokens',
    'End all tokens; with notice v2.system.token_revoked is sent',
    z.strictObject({ notice: z.boolean().optional() }),
    (to, body) => ({
      revoked: to.revokeTokens(defined(body)),
    }),
  ),
  fault(
    'rate-limit',
    'The next requests get 429',
    z.strictObject({ count, retryAfterS: z.number().int().min(0).optional(), path: z.string().optional() }),
    (to, body) => to.rateLimit(defined(body)),
  ),
  fault(
    'fail-requests',
    'The next requests fail: a status, a delay, or the connection drops before or after the work',
    z.strictObject({
      count,
      status: status.optional(),
      retryAfterS: z.number().int().min(0).optional(),
      method: z.string().optional(),
      path: z.string().optional(),
      delayMs: z.number().min(0).max(600_000).optional(),
      dropConnection: z.union([z.boolean(), z.enum(['before', 'after'])]).optional(),
    }),
    (to, body) => to.failRequests(defined(body)),
  ),
  fault(
    'refuse-upgrade',
    'The next upgrades are refused',
    z.strictObject({ count, status: status.optional(), retryAfterS: z.number().int().min(0).optional() }),
    (to, body) => to.refuseUpgrade(defined(body)),
  ),
  fault(
    'ignore-subscribe',
    'The next socket requests to (un)subscribe are neither done nor answered',
    z.strictObject({ count }),
    (to, body) => to.ignoreSubscribe(defined(body)),
  ),
  fault(
    'slow-replies',
    'Answers on sockets come so much later; 0 ends it',
    z.strictObject({ ms: z.number().min(0).max(600_000) }),
    (to, { ms }) => to.slowReplies(ms),
  ),
  fault(
    'send-raw',
    'Send a text frame as it is',
    target.extend({ text: z.string().max(1_000_000) }),
    (to, { channelId, text }) => to.sendRaw(channelId, text),
  ),
  fault(
    'spoil-lookups',
    'Whatever asks for this conversation fails: a status, a delay, or a body that is broken off',
    z.strictObject({
      conversationId: z.uuid(),
      status: z.union([z.literal(200), status]).optional(),
      delayMs: z.number().min(0).max(600_000).optional(),
      view: z.enum(['analytics', 'single']).optional(),
    }),
    (to, body) => to.spoilLookups(defined(body)),
  ),
  fault('drop-topic', 'A subscription vanishes silently', z.strictObject({ topic: z.string() }), (to, { topic }) =>
    to.dropTopic(topic),
  ),
];

/** The tutorial's stream. */
const direct: Operation[] = [
  operation('GET /genesys/direct', "The direct stream's connections and their filters", none, ({ genesys }) => ({
    connections: genesys.direct.connections,
  })),
  operation(
    'POST /genesys/direct/close',
    'End its connections abruptly, or with a close code',
    z.strictObject({ code: z.number().int().min(1000).max(4999).optional() }),
    ({ genesys }, { body }) => genesys.direct.closeAll(body.code),
  ),
  operation('POST /genesys/direct/silence', 'Its connections say nothing any more; TCP stays', none, ({ genesys }) =>
    genesys.direct.silence(),
  ),
  operation(
    'POST /genesys/direct/error',
    'Send a message of the type Error',
    z.strictObject({ message: z.string().max(10_000) }),
    ({ genesys }, { body }) => genesys.direct.say({ type: 'Error', message: body.message }),
  ),
];

/** Genesys Cloud itself: options, what it saw, faults. */
export const genesysOperations: Operation[] = [
  operation('GET /genesys/options', 'The options', none, ({ genesys }) => genesys.options),
  operation('PATCH /genesys/options', 'Change options', partialOptions(), ({ genesys }, { body }) =>
    genesys.configure(body),
  ),
  operation('GET /genesys/channels', 'The channels', none, ({ genesys }) => ({ channels: genesys.channels() })),
  operation('GET /genesys/topics', 'The subscribed topics', none, ({ genesys }) => ({ topics: genesys.topics() })),
  operation(
    'GET /genesys/requests',
    'The newest requests, without credentials; ?limit= &path= (part of it)',
    none,
    ({ genesys }, { query }) => {
      const { limit, path = '' } = query;
      const listed = newest(
        genesys.requests.filter((request) => request.path.includes(path)),
        limit,
      );
      return { ...listed, entries: listed.entries.map(withoutCredentials) };
    },
  ),
  operation(
    'GET /genesys/frames',
    'The newest frames; ?limit= &channelId= &direction=',
    none,
    ({ genesys }, { query }) => {
      const { limit, channelId, direction } = query;
      const fits = genesys.frames.filter(
        (frame) =>
          (channelId === undefined || frame.channelId === channelId) &&
          (direction === undefined || frame.direction === direction),
      );
      return newest(fits, limit);
    },
  ),
  ...direct,
  ...faults,
  operation('DELETE /genesys/faults', 'End all faults that have not come true yet', none, ({ genesys }) =>
    genesys.faults.clear(),
  ),
];

/** The options' schema where nothing is filled in: defaults would reset what is not named. */
function partialOptions(): z.ZodObject {
  const shape = Object.entries(genesysOptions.shape).map(([name, field]) => {
    const inner = field instanceof z.ZodDefault ? field.unwrap() : field;
    return [name, (inner as z.ZodType).optional()];
  });
  return z.strictObject(Object.fromEntries(shape) as Record<string, z.ZodType>);
}

/** People look at this list; the secrets in it are not for them. */
function withoutCredentials(request: RecordedRequest): RecordedRequest {
  const { authorization, ...headers } = request.headers;
  const body = request.path.startsWith('/oauth/')
    ? [...new URLSearchParams(request.body).keys()].join('&')
    : request.body;
  const scheme = String(authorization).split(' ')[0] ?? '';
  return {
    ...request,
    path: request.path.replace(/([?&]access_token=)[^&]*/, '$1…'),
    body,
    headers: { ...headers, ...(authorization !== undefined && { authorization: `${scheme} …` }) },
  };
}
