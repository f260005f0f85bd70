import { applyDecorators } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, type ApiResponseSchemaHost } from '@nestjs/swagger';
import { DeliveryNotDeadError, DeliveryNotFoundError } from '../delivery/delivery.errors.js';
import { EXAMPLE } from '../http/example-ids.js';
import { pageOf, schemaOf } from '../http/example-schema.js';
import { ApiProblem } from '../http/problem-docs.js';
import { ReplayConflictError, ReplayNotFoundError, TooManyReplaysError } from '../replay/replay.errors.js';
import type { ReplayAction } from '../storage/schema.js';
import type { DeadLetterDetails } from './dead-letter.view.js';
import type { DeadLetterView } from './operations.views.js';
import type { DiscardView, PreviewView, ReplayView } from './replay.views.js';

const NULLABLE = { nullable: true };

const DEAD = {
  recordId: EXAMPLE.recordId,
  sink: 'history',
  interactionId: EXAMPLE.interactionId,
  conversationId: EXAMPLE.conversationId,
  state: 'dead',
  attempts: 1,
  crashes: 0,
  reason: 'history.http-422',
  message: 'the history service answered 422',
  lastStatus: 422,
  createdAt: '2026-01-31T12:00:15.000Z',
  deadAt: '2026-01-31T12:00:16.000Z',
} satisfies DeadLetterView;

const OF_EITHER = {
  optional: ['interactionId', 'conversationId'],
  fields: {
    sink: { enum: ['history', 'push', 'comet'] },
    subscriptionId: { type: 'string', format: 'uuid', example: EXAMPLE.subscriptionId, description: 'Of a push.' },
    reason: NULLABLE,
    message: NULLABLE,
    lastStatus: NULLABLE,
    deadAt: NULLABLE,
    discardedAt: { type: 'string', format: 'date-time', example: '2026-01-31T13:00:00.000Z' },
  },
} as const;

const letterSchema = (letter: DeadLetterView) => schemaOf<DeadLetterView>(letter, OF_EITHER);

export const DEAD_LETTERS_SCHEMA = pageOf(letterSchema(DEAD), '1769860816000.4711');

const DETAILS_SCHEMA = schemaOf<DeadLetterDetails>(
  {
    ...DEAD,
    firstAttemptAt: '2026-01-31T12:00:15.100Z',
    lastErrorAt: '2026-01-31T12:00:16.000Z',
    answer: '{"error":"unknown customer"}',
    record: {
      recordId: EXAMPLE.recordId,
      type: 'SUPPORT_INTERACTION',
      interactionId: EXAMPLE.interactionId,
      conversationId: EXAMPLE.conversationId,
      customerId: '***',
      wrapup: { code: 'RESOLVED', durationMs: 15_000 },
      media: { type: 'EMAIL', provider: 'PureCloud Email', addressFrom: '***' },
    },
  },
  {
    optional: [...OF_EITHER.optional, 'record'],
    fields: {
      ...OF_EITHER.fields,
      firstAttemptAt: NULLABLE,
      lastErrorAt: NULLABLE,
      answer: {
        ...NULLABLE,
        description: 'The start of what the receiver answered last; masked but for who may see it.',
      },
      record: { required: [], additionalProperties: true, description: 'Of a record: what was to be sent.' },
      push: {
        ...schemaOf<NonNullable<DeadLetterDetails['push']>>(
          {
            eventId: EXAMPLE.eventId,
            tag: 'orders.created',
            publishedAt: '2026-01-31T12:00:00.000Z',
            type: 'httpcb',
            subscriberId: 'crm',
            message: '***',
          },
          {
            fields: { tag: NULLABLE, publishedAt: NULLABLE, type: NULLABLE, subscriberId: NULLABLE, message: NULLABLE },
          },
        ),
        description: 'Of a push.',
      },
    },
  },
);

const JOB = {
  id: EXAMPLE.jobId,
  status: 'running',
  filter: { reason: 'history.http-422', sink: 'history' },
  total: 120,
  skipped: 0,
  requestedBy: 'ops-team',
  requestId: 'after-the-outage',
  createdAt: '2026-01-31T12:10:00.000Z',
  updatedAt: '2026-01-31T12:10:01.000Z',
  finishedAt: null,
} as const;

const OF_JOBS = {
  status: { enum: ['running', 'done', 'stopped'] },
  filter: { required: [], additionalProperties: true },
  skipped: { description: 'Known at the end: were no longer dead when it was their turn.' },
  finishedAt: { type: 'string', format: 'date-time', ...NULLABLE, description: 'Null while it runs.' },
};

const REPLAY_SCHEMA = schemaOf<ReplayView>(
  { ...JOB, ratePerSecond: 50, replayed: 50 },
  { optional: ['requestId'], fields: OF_JOBS },
);
const DISCARD_SCHEMA = schemaOf<DiscardView>(
  { ...JOB, reason: 'sent by hand', discarded: 50 },
  { optional: ['requestId'], fields: OF_JOBS },
);
const PREVIEW_SCHEMA = schemaOf<PreviewView>(
  {
    count: 120,
    oldest: '2026-01-31T11:00:00.000Z',
    newest: '2026-01-31T12:00:16.000Z',
    byReason: { 'history.http-422': 120 },
  },
  {
    fields: {
      oldest: NULLABLE,
      newest: NULLABLE,
      byReason: { required: [], properties: {}, additionalProperties: { type: 'integer', example: 120 } },
    },
  },
);

const NOT_FOUND = ApiProblem('delivery.not-found', new DeliveryNotFoundError(EXAMPLE.recordId));
const NOT_DEAD = ApiProblem(
  'delivery.not-dead: it is on its way or delivered',
  new DeliveryNotDeadError(EXAMPLE.recordId, 'delivered'),
);
const JOBS = { replay: REPLAY_SCHEMA, discard: DISCARD_SCHEMA };

export function ApiDeadLetter(): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description: 'The letter, whatever has become of it since', schema: DETAILS_SCHEMA }),
    NOT_FOUND,
  );
}

export function ApiReplayed(): MethodDecorator {
  const { deadAt: _, ...waiting } = DEAD;
  const schema = letterSchema({ ...waiting, state: 'waiting', deadAt: null });
  return applyDecorators(ApiAcceptedResponse({ description: 'It is on its way again', schema }), NOT_FOUND, NOT_DEAD);
}

export function ApiDiscarded(): MethodDecorator {
  const schema = letterSchema({ ...DEAD, state: 'discarded', discardedAt: '2026-01-31T13:00:00.000Z' });
  const description = 'It is discarded; again: the same, with the first reason kept';
  return applyDecorators(ApiOkResponse({ description, schema }), NOT_FOUND, NOT_DEAD);
}

/** What the POST answers that begins a job. */
export function ApiJobBegun(action: ReplayAction): MethodDecorator {
  const headers = { Location: { description: 'Path of the job.', schema: { type: 'string' } } };
  const job = JOBS[action];
  return applyDecorators(
    ApiAcceptedResponse({
      description: 'A job that goes on whatever happens to this process; see Location',
      headers,
      schema: job,
    }),
    ApiOkResponse({
      description: 'The count (dryRun), or the job with the same filter that is running already',
      content: {
        'application/json': {
          schema: { oneOf: [PREVIEW_SCHEMA, job] },
          examples: { dryRun: { value: PREVIEW_SCHEMA.example }, running: { value: job.example } },
        },
      },
    }),
    ApiProblem(
      'replay.conflict: requestId was used for something else; replay.too-many',
      new ReplayConflictError('after-the-outage', EXAMPLE.jobId),
      new TooManyReplaysError(5),
    ),
  );
}

export function ApiJobs(action: ReplayAction): MethodDecorator {
  const schema: ApiResponseSchemaHost['schema'] =
    action === 'replay' ? pageOf<ReplayView>(REPLAY_SCHEMA) : pageOf<DiscardView>(DISCARD_SCHEMA);
  return ApiOkResponse({ description: 'One page', schema });
}

export function ApiJob(action: ReplayAction, description: string): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description, schema: JOBS[action] }),
    ApiProblem('replay.not-found', new ReplayNotFoundError(EXAMPLE.jobId, action)),
  );
}
