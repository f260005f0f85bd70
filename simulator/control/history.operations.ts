import { z } from 'zod';
import { historyOptions } from '../history/options.js';
import { defined } from './defined.js';
import { newest, operation, type Operation } from './operation.js';

const none = z.strictObject({});
const count = z.number().int().min(1).max(1_000_000).optional();
const lost = z.strictObject({ count, store: z.boolean().optional() });

const fail = z.strictObject({
  status: z.number().int().min(200).max(599),
  count,
  retryAfter: z.union([z.number().min(0), z.string()]).optional(),
  delayMs: z.number().min(0).max(600_000).optional(),
  ratio: z.number().min(0).max(1).optional(),
});

const partialOptions = z.strictObject({
  token: historyOptions.shape.token,
  repeatStatus: historyOptions.shape.repeatStatus.unwrap().optional(),
});

/** CommunicationHistory-manager. Without a count a fault lasts until it is taken back. */
export const historyOperations: Operation[] = [
  operation('GET /history/options', 'The options', none, ({ history }) => history.options),
  operation('PATCH /history/options', 'Change options', partialOptions, ({ history }, { body }) =>
    history.configure(defined(body)),
  ),
  operation('GET /history/records', 'What is kept, newest last; ?limit=', none, ({ history }, { query }) =>
    newest(
      [...history.records].map(([key, body]) => ({ key, body })),
      query['limit'],
    ),
  ),
  operation('GET /history/received', 'What was posted, newest last; ?limit=', none, ({ history }, { query }) => {
    const { total, entries } = newest(history.received, query['limit']);
    return { total, entries: entries.map(({ headers: _headers, ...entry }) => entry) };
  }),
  operation('GET /history/conflicts', 'Keys that came with two bodies', none, ({ history }, { query }) =>
    newest(history.conflicts, query['limit']),
  ),
  operation('POST /history/faults/fail', 'Answer with this status', fail, ({ history }, { body }) =>
    history.faults.fail(defined(body)),
  ),
  operation(
    'POST /history/faults/reset-after-body',
    'Reset the connection after the request; the record is kept unless store is false',
    lost,
    ({ history }, { body }) => history.faults.resetAfterBody(defined(body)),
  ),
  operation('POST /history/faults/hang', 'Never answer', lost, ({ history }, { body }) =>
    history.faults.hang(defined(body)),
  ),
  operation(
    'POST /history/faults/slow-body',
    '200, and a body that comes byte by byte for ever',
    lost,
    ({ history }, { body }) => history.faults.slowBody(defined(body)),
  ),
  operation('POST /history/faults/endless-body', '200, and a body without an end', lost, ({ history }, { body }) =>
    history.faults.endlessBody(defined(body)),
  ),
  operation(
    'POST /history/faults/redirect',
    '307 to another address',
    z.strictObject({ to: z.url(), count }),
    ({ history }, { body }) => history.faults.redirect(defined(body)),
  ),
  operation('DELETE /history/faults', 'Recover', none, ({ history }) => history.recover()),
];
