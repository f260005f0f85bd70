import { GatewayError } from '../common/errors.js';

export interface GenesysFault {
  /** What was asked, e.g. `subscribe`; the same word as in the metrics. */
  operation: string;
  /** Genesys' HTTP status. */
  status: number;
  /** `code` of Genesys' error body, e.g. `not.found`. */
  genesysCode?: string | undefined;
  /** ININ-Correlation-Id: what Genesys' support asks for. */
  correlationId?: string | undefined;
  /** It does not look like an answer of Genesys. */
  foreign?: boolean | undefined;
  /** Which limit was reached, when Genesys says so. */
  limit?: { key?: string; namespace?: string; value?: number } | undefined;
}

/**
 * Genesys answered, and it was no success. `status` is what Genesys answered. It says nothing about a request to us: should
 * such an error ever reach a caller of ours, it is a 502 for them.
 */
export class GenesysRequestError extends GatewayError {
  readonly code: string = 'genesys.request-failed';
  override readonly status: number;
  readonly operation: string;
  readonly genesysCode: string | undefined;
  readonly correlationId: string | undefined;
  readonly foreign: boolean;
  readonly limit: GenesysFault['limit'];

  constructor(message: string, fault: GenesysFault, options?: { cause?: unknown }) {
    super(message, options);
    this.operation = fault.operation;
    this.status = fault.status;
    this.genesysCode = fault.genesysCode;
    this.correlationId = fault.correlationId;
    this.foreign = fault.foreign ?? false;
    this.limit = fault.limit;
  }
}

/** 404 on a channel's route: it was evicted, it expired, or it went with the token that made it. */
export class ChannelGoneError extends GenesysRequestError {
  override readonly code = 'genesys.channel-gone';

  /** @param fault left out when it was not REST that said so: the socket has its own 404. */
  constructor(message: string, fault: GenesysFault = { operation: 'socket', status: 404 }) {
    super(message, fault);
  }
}

/** 403: a permission is missing. */
export class GenesysForbiddenError extends GenesysRequestError {
  override readonly code = 'genesys.forbidden';
}

/** 400 `notification.subscription.too.many.subscriptions`: the channel is full (1,000 topics, docs/wire-facts.md §2.5). */
export class TooManyTopicsError extends GenesysRequestError {
  override readonly code = 'genesys.too-many-topics';
}

/** Answered with success, but the body is not what the operation promises. */
export class GenesysAnswerError extends GenesysRequestError {
  override readonly code = 'genesys.bad-answer';
}

/** The answer was larger than we read of one: fewer conversations at once may fit. */
export class GenesysAnswerTooLargeError extends GatewayError {
  readonly code = 'genesys.answer-too-large';
  override readonly status = 502;
}

/** Genesys wants no requests at present (429), or our own budget has no room. */
export class GenesysRateLimitError extends GatewayError {
  readonly code = 'genesys.rate-limited';
  override readonly status = 503;

  /** @param retryAfterMs how long nothing is to be asked, in milliseconds from when this was thrown. */
  constructor(
    message: string,
    readonly retryAfterMs: number,
    readonly fault?: GenesysFault,
  ) {
    super(message);
  }
}

/** No answer: no connection, a broken one, or none in time. */
export class GenesysUnreachableError extends GatewayError {
  readonly code = 'genesys.unreachable';
  override readonly status = 503;
}

/** A call that the client does not send, because Genesys would refuse it. */
export class TooManyIdsError extends GatewayError {
  readonly code = 'genesys.too-many-ids';
}
