import type { TokenError } from './auth.errors.js';

/** What health shows of the token. */
export interface TokenState {
  /** `valid`: one is held. Else why not: never asked, refused by Genesys, or not to be had at present. */
  status: 'none' | 'valid' | 'refused' | 'unavailable';
  /** Epoch ms; of a valid token. */
  expiresAt?: number;
  /** The last failure since a token was last granted; also beside a valid token, when its renewal fails. */
  lastError?: { code: string; message: string; at: number };
}

/**
 * What the service knows: the token, and the failure that callers are told until its time is over. `since` and `until` are
 * monotonic times, since a wall clock may jump; `expiresAt` and `at` are for people.
 */
export interface TokenMemory {
  held?: { value: string; since: number; until: number; expiresAt: number } | undefined;
  failure?: { error: TokenError; status: 'refused' | 'unavailable'; until: number };
  lastError?: { code: string; message: string; at: number };
}

export const EMPTY: TokenMemory = {};

export function usable(memory: TokenMemory, now: number): boolean {
  return memory.held !== undefined && memory.held.until > now;
}

/** Refreshed a tenth of its life before the end, at most 5 minutes before it; a fifth of that is jitter between replicas. */
const AHEAD_SHARE = 0.1;
const AHEAD_MAX_MS = 5 * 60_000;
const AHEAD_JITTER = 0.2;

/** When to refresh a token, in milliseconds from its start. */
export function refreshDelayMs(lifeMs: number, random: () => number = Math.random): number {
  return lifeMs - Math.min(lifeMs * AHEAD_SHARE, AHEAD_MAX_MS) * (1 - AHEAD_JITTER * random());
}
