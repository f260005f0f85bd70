import { GatewayError } from '../common/errors.js';
import type { InteractionRow, InteractionStatus } from '../storage/schema.js';

type Stored = Pick<InteractionRow, 'id' | 'conversation_id' | 'status'>;

/** The same conversation, customer and agent, but with other contents or another result. */
export class InteractionConflictError extends GatewayError {
  readonly code = 'interaction.conflict';
  override readonly status = 409;

  /** What waits can be cancelled; what has its result needs nothing more of whoever hands in. */
  static ofContents({ id, conversation_id, status }: Stored): InteractionConflictError {
    const waits = status === 'accepted' || status === 'listening';
    return new InteractionConflictError(
      `Interaction ${id} exists for conversation ${conversation_id}, this customer and this agent with other contents, ` +
        `and is ${status}. The first one stays as it is; ` +
        (waits ? 'cancel it or hand in the same contents.' : 'it has its result, so nothing is to be done.'),
    );
  }

  static ofResult({ id, status }: Omit<Stored, 'conversation_id'>): InteractionConflictError {
    return new InteractionConflictError(
      `Interaction ${id} of this conversation, customer and agent is ${status} and has another result already. ` +
        'A result is stored once, and the first one stays; nothing is to be done.',
    );
  }
}

/** It has its result already: it cannot be cancelled any more. */
export class InteractionCapturedError extends GatewayError {
  readonly code = 'interaction.captured';
  override readonly status = 409;

  constructor(id: string, status: InteractionStatus) {
    super(`Interaction ${id} is ${status}: its after-call work has been captured, so it can no longer be cancelled.`);
  }
}

/** Its time ran out: there is nothing left to cancel. */
export class InteractionExpiredError extends GatewayError {
  readonly code = 'interaction.expired';
  override readonly status = 409;

  constructor(id: string) {
    super(`Interaction ${id} has expired: nothing waits for it any more, so there is nothing to cancel.`);
  }
}

export class InteractionNotFoundError extends GatewayError {
  readonly code = 'interaction.not-found';
  override readonly status = 404;

  constructor(id: string) {
    super(`There is no interaction with the id ${id}. It may be older than RETENTION_DAYS.`);
  }
}

export class BadCursorError extends GatewayError {
  readonly code = 'request.invalid';
  override readonly status = 400;
  override readonly details = [{ field: 'cursor', message: 'is not a cursor of this list' }];

  constructor() {
    super('cursor is not one that this list has given: leave it out to begin at the newest.');
  }
}
