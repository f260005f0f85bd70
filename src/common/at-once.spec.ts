import { atOnce } from './at-once.js';

describe('atOnce', () => {
  it('does the work in order, for so many at once, and answers in order', async () => {
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const all = atOnce([0, 1, 2], 2, async (n) => {
      begun.push(n);
      await new Promise<void>((resolve) => (ends[n] = resolve));
      return n * 10;
    });
    expect(begun).toEqual([0, 1]);
    ends[1]?.();
    await new Promise(setImmediate);
    expect(begun).toEqual([0, 1, 2]);
    ends[2]?.();
    ends[0]?.();
    expect(await all).toEqual([0, 10, 20]);
  });

  it('begins nothing after a failure, and rejects with it once nothing is under way', async () => {
    const ended: number[] = [];
    const all = atOnce([0, 1, 2], 2, async (n) => {
      if (n === 0) throw new Error('no');
      await new Promise(setImmediate);
      ended.push(n);
    });
    await expect(all).rejects.toThrow('no');
    expect(ended).toEqual([1]);
  });

  it('is done at once for nobody', async () => {
    expect(await atOnce([], 2, () => Promise.reject(new Error('asked')))).toEqual([]);
  });
});
