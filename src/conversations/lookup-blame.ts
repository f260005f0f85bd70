import { GatewayError } from '../common/errors.js';
import { HttpFailure } from '../common/http-exchange.js';
import { GenesysAnswerTooLargeError, GenesysRequestError, GenesysUnreachableError } from '../genesys/genesys.errors.js';

/**
 * What a look-up that failed is about. `question`: what was asked for, and asking the same again changes nothing.
 * `genesys`: our credentials, a rate limit, or nobody there, whatever is asked. `passing`: most of the time Genesys is in
 * trouble, or something before it answers; where it goes on while others are answered, it is the question after all.
 */
export type Blame = 'question' | 'genesys' | 'passing';

export function blameOf(error: unknown): Blame {
  if (error instanceof GenesysAnswerTooLargeError) return 'question';
  if (error instanceof GenesysRequestError) {
    if (error.status === 401) return 'genesys';
    if (error.foreign) return 'passing';
    return error.status >= 500 || error.status === 408 ? 'passing' : 'question';
  }
  if (error instanceof GenesysUnreachableError) {
    const kind = failureKindOf(error);
    return kind === 'timeout' || kind === 'connection' ? 'passing' : 'genesys';
  }
  // Rate limits, tokens, shutdown. A fault of our own in reading an answer is about that answer.
  return error instanceof GatewayError ? 'genesys' : 'question';
}

/** Whether no whole answer came in time. */
export function isTimeout(error: unknown): boolean {
  return failureKindOf(error) === 'timeout';
}

function failureKindOf(error: unknown): HttpFailure['kind'] | undefined {
  return error instanceof GenesysUnreachableError && error.cause instanceof HttpFailure ? error.cause.kind : undefined;
}
