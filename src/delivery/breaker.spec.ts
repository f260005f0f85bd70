import { Breaker } from './breaker.js';

describe('Breaker', () => {
  let time: number;
  let changes: string[];
  let breaker: Breaker;

  beforeEach(() => {
    time = 0;
    changes = [];
    breaker = new Breaker(
      { baseMs: 1_000, capMs: 8_000 },
      (from, to) => changes.push(`${from} > ${to}`),
      () => time,
      () => 1,
    );
  });

  function fail(times: number): void {
    for (let i = 0; i < times; i++) breaker.failure();
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
      breaker.failure();
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
    expect(changes).toEqual(['closed > open', 'open > half-open', 'half-open > closed', 'closed > open']);
  });

  it('probes again when a probe came to nothing', () => {
    fail(10);
    time = 1_000;
    breaker.started();
    breaker.inconclusive();
    expect(breaker.permits(32)).toBe(1);
  });

  it('holds as long as the receiver asks, within its cap', () => {
    fail(9);
    breaker.failure(5_000);
    expect(breaker.waitMs()).toBe(5_000);
    time = 5_000;
    breaker.started();
    breaker.failure(60_000);
    expect(breaker.waitMs()).toBe(8_000);
  });
});
