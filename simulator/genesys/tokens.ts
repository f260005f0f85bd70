import { randomBytes } from 'node:crypto';
import type { SimulatedClock } from '../common/clock.js';
import { setBounded } from '../common/bounded-log.js';

export interface Token {
  value: string;
  grant: string;
  expiresAt: number;
  revoked: boolean;
  /** Requests counted in the current minute (docs/wire-facts.md §6.1: the limit is per token). */
  window: { startedAt: number; count: number };
}

/** Every token that was given out, valid or not: a newer one does not end an older one. */
export class Tokens {
  readonly #tokens = new Map<string, Token>();

  constructor(private readonly clock: SimulatedClock) {}

  issue(grant: string, lifeS: number): Token {
    const now = this.clock.now();
    const value = randomBytes(32).toString('base64url');
    const token = { value, grant, expiresAt: now + lifeS * 1000, revoked: false, window: { startedAt: now, count: 0 } };
    setBounded(this.#tokens, value, token, 10_000);
    return token;
  }

  /** The token, if it may still be used. */
  valid(value: string): Token | undefined {
    const token = this.#tokens.get(value);
    return token && !token.revoked && token.expiresAt > this.clock.now() ? token : undefined;
  }

  revokeAll(): number {
    const valid = [...this.#tokens.values()].filter((token) => this.valid(token.value));
    for (const token of valid) token.revoked = true;
    return valid.length;
  }

  list(): Token[] {
    return [...this.#tokens.values()];
  }

  clear(): void {
    this.#tokens.clear();
  }
}
