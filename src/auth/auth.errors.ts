import { GatewayError } from '../common/errors.js';

/** Genesys says that the credentials are wrong: asking again with the same ones is no use. */
export class TokenRefusedError extends GatewayError {
  readonly code = 'auth.refused';
  override readonly status = 503;
}

export interface Unavailability {
  /** How long Genesys asked us to wait, in milliseconds from when the error was thrown. */
  retryAfterMs?: number | undefined;
  /** May pass by asking again soon: a lost connection, 408, 429, 5xx. */
  passing?: boolean;
  cause?: unknown;
}

/** No token at present: Genesys' login cannot be reached, answers nonsense, or wants us to wait. */
export class TokenUnavailableError extends GatewayError {
  readonly code = 'auth.unavailable';
  override readonly status = 503;
  readonly retryAfterMs: number | undefined;
  readonly passing: boolean;

  constructor(message: string, { retryAfterMs, passing = false, cause }: Unavailability = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.retryAfterMs = retryAfterMs;
    this.passing = passing;
  }
}

/** The SAML assertion cannot be had: a file that is missing, empty or unreadable, or a key and certificate that do not fit. */
export class AssertionError extends GatewayError {
  readonly code = 'auth.assertion';
  override readonly status = 503;
}

export type TokenError = TokenRefusedError | TokenUnavailableError | AssertionError;
