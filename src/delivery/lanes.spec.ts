import type { Breaker } from './breaker.js';
import { Lanes } from './lanes.js';

const succeed = (breaker: Breaker): void => breaker.success();
const fail = (breaker: Breaker): void => breaker.failure();

describe('Lanes', () => {
  let time: number;
  let lanes: Lanes;

  beforeEach(() => {
    time = 0;
    lanes = new Lanes(
      2,
      8,
      { baseMs: 1_000, capMs: 8_000 },
      () => undefined,
      () => time,
    );
  });

  it('lets as many through to one destination as may be, and keeps the rest for soon', () => {
    const first = lanes.started('a');
    lanes.started('a');
    expect(lanes.admit('a')).toEqual({ kind: 'soon' });
    expect(lanes.admit('b')).toEqual({ kind: 'now' });
    first(succeed);
    expect(lanes.admit('a')).toEqual({ kind: 'now' });
  });

  it('puts off what waits for a slow one', () => {
    lanes.started('a');
    lanes.started('a');
    time = 1_001;
    expect(lanes.admit('a')).toEqual({ kind: 'later', ms: 1_000 });
  });

  it('holds a destination that keeps failing, and only that one', () => {
    for (let i = 0; i < 10; i++) lanes.started('a')(fail);
    const admission = lanes.admit('a');
    expect(admission.kind).toBe('later');
    expect(lanes.admit('b')).toEqual({ kind: 'now' });
    time = 10_000;
    expect(lanes.admit('a')).toEqual({ kind: 'now' });
    // The probe is under way: nobody else may go.
    lanes.started('a');
    expect(lanes.admit('a').kind).toBe('later');
  });

  it('leaves half of all places to those that do not fail', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) lanes.started(name)(fail);
    expect(lanes.failing).toBe(5);
    for (const name of ['a', 'b', 'c', 'd']) lanes.started(name);
    expect(lanes.admit('e')).toEqual({ kind: 'later', ms: 1_000 });
    expect(lanes.admit('new')).toEqual({ kind: 'now' });
  });

  it('remembers nothing of those that are well', () => {
    lanes.started('a')(fail);
    lanes.started('a')(succeed);
    expect(lanes.failing).toBe(0);
    expect(lanes).toHaveProperty('lanes.size', 0);
  });
});
