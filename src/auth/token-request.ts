import { setTimeout as sleep } from 'node:timers/promises';
import { backoffDelay } from '../common/backoff.js';
import { TokenUnavailableError } from './auth.errors.js';
import type { GrantedToken, TokenEndpoint } from './token-endpoint.js';

const TRIES = 4;
const BACKOFF = { baseMs: 500, capMs: 8_000 };

/** A wait that Genesys asks for is slept through up to a minute; a longer one is the callers' to know about. */
const LONGEST_SLEEP_MS = 60_000;

/** `Retry-After` is rounded to whole seconds (docs/wire-facts.md §6.1): up to one second is added, at random. */
const ROUNDING_MS = 1_000;

/**
 * Asks for a token, again while the failure may pass: 4 times in all, with full jitter, or after the wait that Genesys
 * names when it is at most 60 s. `onFailure` hears of each failure that is followed by another try.
 * @throws what `TokenEndpoint.ask` throws; the signal's reason when it is aborted while waiting.
 */
export async function requestToken(
  endpoint: TokenEndpoint,
  signal: AbortSignal,
  onFailure: (error: TokenUnavailableError, waitMs: number) => void,
): Promise<GrantedToken> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await endpoint.ask(signal);
    } catch (error) {
      if (!(error instanceof TokenUnavailableError) || !error.passing || attempt + 1 >= TRIES) throw error;
      if ((error.retryAfterMs ?? 0) > LONGEST_SLEEP_MS) throw error;
      const waitMs = waitAfter(error, attempt);
      onFailure(error, waitMs);
      await sleep(waitMs, undefined, { signal });
    }
  }
}

function waitAfter(error: TokenUnavailableError, attempt: number): number {
  const jitter = backoffDelay(BACKOFF, attempt);
  return error.retryAfterMs ? error.retryAfterMs + Math.min(jitter, ROUNDING_MS) : jitter;
}
