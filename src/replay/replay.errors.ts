import { GatewayError } from '../common/errors.js';
import type { ReplayAction } from '../storage/schema.js';

export class ReplayNotFoundError extends GatewayError {
  readonly code = 'replay.not-found';
  override readonly status = 404;

  constructor(id: string, action: ReplayAction) {
    super(`There is no ${action} with the id ${id}; GET /ops/${action}s lists them.`);
  }
}

/** The same request id, but for another filter, or for something else to be done. */
export class ReplayConflictError extends GatewayError {
  readonly code = 'replay.conflict';
  override readonly status = 409;

  constructor(requestId: string, id: string) {
    super(
      `requestId ${requestId} was given for ${id}, which does something else or has another filter; take a new requestId.`,
    );
  }
}

export class TooManyReplaysError extends GatewayError {
  readonly code = 'replay.too-many';
  override readonly status = 409;

  constructor(limit: number) {
    super(
      `${limit} replays and discards are running already, which is the limit; wait for one, or stop one ` +
        '(DELETE /ops/replays/{id} or /ops/discards/{id}).',
    );
  }
}
