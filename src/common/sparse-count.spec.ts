import { SparseCount } from './sparse-count.js';

describe('SparseCount', () => {
  it('tells the first at once, and those of the following minute together', () => {
    const told: number[] = [];
    let now = 0;
    const count = new SparseCount(
      (number) => told.push(number),
      () => now,
    );
    count.add(1);
    now = 59_999;
    count.add(2);
    count.add(3);
    expect(told).toEqual([1]);
    now = 60_000;
    count.add(1);
    expect(told).toEqual([1, 6]);
    count.add(4);
    expect(told).toEqual([1, 6]);
  });
});
