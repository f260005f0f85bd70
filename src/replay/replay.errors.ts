import { GatewayError } from '../common/errors.js';

export class ReplayNotFoundError extends GatewayError {
  readonly code = 'replay.not-found';
  override readonly status = 404;

  constructor(id: string) {
    super(`There is no replay with the id ${id}; GET /ops/replays lists them.`);
  }
}

/** The same request id, but for another filter. */
export class ReplayConflictError extends GatewayError {
  readonly code = 'replay.conflict';
  override readonly status = 409;

  constructor(requestId: string, id: string) {
    super(`requestId ${requestId} was given for replay ${id}, which has another filter; take a new requestId.`);
  }
}

export class TooManyReplaysError extends GatewayError {
  readonly code = 'replay.too-many';
  override readonly status = 409;

  constructor(limit: number) {
    super(
      `${limit} replays are running already, which is the limit; wait for one, or stop one (DELETE /ops/replays/{id}).`,
    );
  }
}
