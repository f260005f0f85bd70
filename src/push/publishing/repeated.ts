import type { PushEventRow } from '../../storage/push-tables.js';
import { IdempotencyMismatchError, PublicationUnderWayError } from '../push.errors.js';
import type { NewEvent } from './event.js';
import type { PublishAnswer } from './fan-out.js';

/** What the first publication with this key was answered. @throws IdempotencyMismatchError, PublicationUnderWayError */
export function answerAgain(known: PushEventRow, { once }: NewEvent): PublishAnswer {
  if (known.body_hash !== once?.bodyHash) throw new IdempotencyMismatchError();
  if (known.answer === null) throw new PublicationUnderWayError();
  return JSON.parse(known.answer) as PublishAnswer;
}
