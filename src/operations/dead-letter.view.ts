import { MASKED, shapeOf } from '../common/mask.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import { textOfStored } from '../push/publishing/event.repository.js';
import type { DeadLetter } from './dead-letter.query.js';
import { deadLetterView, type DeadLetterView } from './operations.views.js';

/** A dead letter with what the receiver said and what was to be sent. */
export interface DeadLetterDetails extends DeadLetterView {
  firstAttemptAt: string | null;
  lastErrorAt: string | null;
  /** The start of what the receiver answered last, without secrets; null when it said nothing. */
  answer: string | null;
  /** Of a record. */
  record?: unknown;
  /** Of a push; what was removed meanwhile is null. */
  push?: {
    eventId: string;
    tag: string | null;
    publishedAt: string | null;
    type: string | null;
    subscriberId: string | null;
    message: string | null;
  };
}

/** @param clear whether the reader may see what speaks of a customer */
export function deadLetterDetails({ row, event, subscription }: DeadLetter, clear: boolean): DeadLetterDetails {
  const { answer } = row;
  return {
    ...deadLetterView(row),
    firstAttemptAt: isoOf(row.first_attempt_at),
    lastErrorAt: isoOf(row.last_error_at),
    answer: answer === null || clear ? answer : shapeOf(answer),
    ...(row.sink === HISTORY_SINK
      ? { record: recordOf(row.payload, clear) }
      : {
          push: {
            eventId: row.payload,
            tag: event?.tag ?? null,
            publishedAt: isoOf(event?.published_at ?? null),
            type: subscription?.type ?? null,
            subscriberId: subscription?.subscriber_id ?? null,
            message: event === undefined ? null : clear ? textOfStored(event.message) : MASKED,
          },
        }),
  };
}

/** Fields of a record that say nothing of a customer: ids of the contact centre, kinds, codes and times. */
const OF_NO_CUSTOMER = new Set([
  'recordId',
  'type',
  'source',
  'obtainedBy',
  'interactionId',
  'conversationId',
  'agentId',
  'participantId',
  'sessionId',
  'queueId',
  'channel',
  'direction',
  'endedAt',
  'capturedAt',
  'wrapup.code',
  'wrapup.name',
  'wrapup.durationMs',
  'media.type',
  'media.provider',
  'media.messageType',
]);

function recordOf(payload: string, clear: boolean): unknown {
  const record = JSON.parse(payload) as unknown;
  return clear ? record : masked(record, '');
}

/** The same fields, and `***` for what is in those that are not listed. */
function masked(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return value.map((each) => masked(each, path));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, masked(each, path === '' ? key : `${path}.${key}`)]),
    );
  }
  return OF_NO_CUSTOMER.has(path) ? value : MASKED;
}

function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
