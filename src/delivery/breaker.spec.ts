import { Breaker, type BreakerChange, type Failure } from './breaker.js';

const DOWN: Failure = { code: 'test.down', message: 'down', status: 503 };

describe('Breaker', () => {
  let time: number;
  let changes: BreakerChange[];
  let breaker: Breaker;

  beforeEach(() => {
    time = 0;
    changes = [];
    breaker = new Breaker(
      { baseMs: 1_000, capMs: 8_000 },
      (change) => changes.push(change),
      () => time,
      () => 1,
    );
  });

  function fail(times: number): void {
    for (let i = 0; i < times; i++) breaker.failure(DOWN);
  }

  it('lets everything through until ten failures in a row', () => {
    fail(9);
    breaker.success();
    fail(9);
    expect(breaker.permits(32)).toBe(32);
    fail(1);
    expect(breaker.state).toBe('open');
    expect(breaker.permits(32)).toBe(0);
  });

  it('lets one probe through after the hold, and only one', () => {
    fail(10);
    expect(breaker.waitMs()).toBe(1_000);
    time = 999;
    expect(breaker.permits(32)).toBe(0);
    time = 1_000;
    expect(breaker.permits(32)).toBe(1);
    breaker.started();
    expect(breaker.state).toBe('half-open');
    expect(breaker.permits(32)).toBe(0);
  });

  it('holds longer after each failed probe, up to the cap', () => {
    fail(10);
    const holds = [1, 2, 3, 4, 5].map(() => {
      const held = breaker.waitMs();
      time += held;
      breaker.started();
      breaker.failure(DOWN);
      return held;
    });
    expect(holds).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it('does not hold longer for attempts that began before it opened', () => {
    fail(10);
    fail(22);
    expect(breaker.waitMs()).toBe(1_000);
  });

  it('closes with a success, and starts anew', () => {
    fail(10);
    time = 1_000;
    breaker.started();
    breaker.success();
    expect(breaker.permits(32)).toBe(32);
    fail(10);
    expect(breaker.waitMs()).toBe(1_000);
    expect(changes.map(({ from, to }) => `${from} > ${to}`)).toEqual([
      'closed > open',
      'open > half-open',
      'half-open > closed',
      'closed > open',
    ]);
  });

  it('probes again when a probe came to nothing', () => {
    fail(10);
    time = 1_000;
    breaker.started();
    breaker.inconclusive();
    expect(breaker.permits(32)).toBe(1);
  });

  it('says why it holds and for how long, once', () => {
    fail(10);
    fail(5);
    expect(changes).toEqual([{ from: 'closed', to: 'open', holdMs: 1_000, code: DOWN.code }]);
  });

  it('lets no probe through before the receiver wants it, be it a day', () => {
    fail(8);
    breaker.failure({ ...DOWN, retryAfterMs: 72_000_000 });
    fail(1);
    expect(breaker.waitMs()).toBe(72_000_000);
    // Of those that began before it opened the latest wish counts.
    breaker.failure({ ...DOWN, retryAfterMs: 80_000_000 });
    breaker.failure({ ...DOWN, retryAfterMs: 5_000 });
    time = 79_999_999;
    expect(breaker.permits(32)).toBe(0);
    time = 80_000_000;
    expect(breaker.permits(32)).toBe(1);
    breaker.started();
    breaker.success();
    fail(10);
    expect(breaker.waitMs()).toBe(1_000);
  });
});
