import type { DeliveryRow } from '../storage/schema.js';
import { endOf, send } from './attempt.js';
import type { Held } from './attempt.js';
import type { SendOutcome, Sink } from './sink.js';

const POLICY = { baseMs: 1_000, capMs: 1e9, maxMs: 86_400_000 };
const DOWN: SendOutcome = { kind: 'retry', code: 'test.down', message: 'down', status: 503 };

function held(but: Partial<DeliveryRow> = {}): Held {
  const row = {
    id: 'a',
    claim: 'c',
    attempts: 0,
    crashes: 0,
    first_attempt_at: null,
    claimed_until: 1_060_000,
    ...but,
  };
  return { delivery: row as DeliveryRow, claimedAt: performance.now(), leaseMs: 60_000 };
}

describe('endOf', () => {
  it('waits longer the more attempts were made, this one included', () => {
    const longest = Math.max(
      ...Array.from({ length: 200 }, () => endOf(held({ attempts: 3 }), DOWN, POLICY).stored.v_delay_ms),
    );
    // The ceiling after the fourth attempt is 8 s; of 200 draws the largest is above half of it.
    expect(longest).toBeGreaterThan(4_000);
    expect(longest).toBeLessThanOrEqual(8_000);
  });

  it("gives up by the database's clock", () => {
    // Claimed at 1,000,000 of that clock.
    const first = 1_000_000 - POLICY.maxMs;
    expect(endOf(held({ attempts: 9, first_attempt_at: first }), DOWN, POLICY).state).toBe('dead');
    expect(endOf(held({ attempts: 9, first_attempt_at: first + 60_000 }), DOWN, POLICY).state).toBe('retry');
  });

  it('counts an attempt, except for what is put aside unsent', () => {
    expect(endOf(held(), { kind: 'delivered', status: 200 }, POLICY)).toMatchObject({
      state: 'delivered',
      crash: false,
      stored: { v_attempts: 1 },
    });
    const crash: SendOutcome = { kind: 'refused', code: 'delivery.crash', message: 'x' };
    expect(endOf(held(), crash, POLICY)).toMatchObject({ state: 'dead', crash: true, stored: { v_attempts: 0 } });
  });

  it('stores a message of bounded length', () => {
    const stored = endOf(held(), { ...DOWN, message: 'x'.repeat(9_999) }, POLICY).stored;
    expect(stored.v_message).toHaveLength(500);
  });
});

describe('send', () => {
  it('takes a rejection for a failure that may pass', async () => {
    const sink = { send: () => Promise.reject(new Error('broken')) } as unknown as Sink;
    expect(await send(sink, held().delivery, new AbortController().signal)).toEqual({
      kind: 'retry',
      code: 'delivery.failed',
      message: 'broken',
    });
  });
});
