import { HourlyTally } from './hourly-tally.js';

const HOUR_MS = 60 * 60_000;

describe('HourlyTally', () => {
  let now: number;
  let tally: HourlyTally;

  beforeEach(() => {
    now = 12_345;
    tally = new HourlyTally(() => now);
  });

  it('sums up by kind, and tells for how long it has counted', () => {
    expect(tally.read()).toEqual({ coversMs: 0, total: 0, byKind: {} });
    tally.add('bulk');
    tally.add('bulk', 2);
    now += 90_000;
    tally.add('single');
    expect(tally.read()).toEqual({ coversMs: 90_000, total: 4, byKind: { bulk: 3, single: 1 } });
  });

  it('forgets what is 24 hours old', () => {
    tally.add('a');
    now += 23.5 * HOUR_MS;
    tally.add('b');
    expect(tally.read()).toMatchObject({ coversMs: 23.5 * HOUR_MS, total: 2 });
    now += HOUR_MS;
    expect(tally.read()).toEqual({ coversMs: 23.5 * HOUR_MS, total: 1, byKind: { b: 1 } });
    now += 30 * HOUR_MS;
    expect(tally.read()).toMatchObject({ total: 0 });
  });
});
