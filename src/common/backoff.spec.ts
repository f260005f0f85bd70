import { backoffCeiling, backoffDelay } from './backoff.js';

describe('backoff', () => {
  const policy = { baseMs: 1_000, capMs: 60_000 };

  it('doubles its ceiling up to the cap', () => {
    const ceilings = [0, 1, 2, 5, 6, 40].map((attempt) => backoffCeiling(policy, attempt));
    expect(ceilings).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
  });

  it('draws from the whole range, so that callers spread out', () => {
    expect(backoffDelay(policy, 2, () => 0)).toBe(0);
    expect(backoffDelay(policy, 2, () => 0.5)).toBe(2_000);
    expect(backoffDelay(policy, 2, () => 1)).toBe(4_000);
  });
});
