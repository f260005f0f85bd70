import { decideRetry } from './retry-policy.js';

const policy = { baseMs: 1_000, capMs: 60_000, maxMs: 86_400_000 };
const most = () => 1;

describe('decideRetry', () => {
  it('doubles the pause with each attempt, up to the cap', () => {
    const pauses = [1, 2, 3, 7, 50].map((attempts) => decideRetry({ attempts, sinceFirstMs: 0 }, policy, most));
    expect(pauses).toEqual([1_000, 2_000, 4_000, 60_000, 60_000].map((delayMs) => ({ kind: 'retry', delayMs })));
  });

  it('takes what the receiver asked for as a minimum, within a day', () => {
    const asked = (retryAfterMs: number, random = most) =>
      decideRetry({ attempts: 1, sinceFirstMs: 0, retryAfterMs }, policy, random);
    expect(asked(30_000)).toEqual({ kind: 'retry', delayMs: 30_000 });
    expect(asked(10)).toEqual({ kind: 'retry', delayMs: 1_000 });
    expect(asked(10, () => 0)).toEqual({ kind: 'retry', delayMs: 10 });
    expect(asked(20 * 3_600_000)).toEqual({ kind: 'retry', delayMs: 72_000_000 });
    expect(asked(365 * 86_400_000)).toEqual({ kind: 'retry', delayMs: 86_400_000 });
  });

  it('makes a last attempt at the end of the time, and gives up when that fails', () => {
    expect(decideRetry({ attempts: 99, sinceFirstMs: policy.maxMs - 5 }, policy, most)).toEqual({
      kind: 'retry',
      delayMs: 5,
    });
    expect(decideRetry({ attempts: 100, sinceFirstMs: policy.maxMs }, policy, most)).toEqual({ kind: 'give-up' });
  });

  it('waits for as long as the receiver asks, beyond the end too, and makes the last attempt then', () => {
    const late = { attempts: 9, sinceFirstMs: policy.maxMs - 5, retryAfterMs: 72_000_000 };
    expect(decideRetry(late, policy, most)).toEqual({ kind: 'retry', delayMs: 72_000_000 });
    expect(decideRetry({ ...late, sinceFirstMs: late.sinceFirstMs + 72_000_000 }, policy, most).kind).toBe('give-up');
  });

  it('never gives up after the first attempt, unless there is no time at all', () => {
    expect(decideRetry({ attempts: 1, sinceFirstMs: 0 }, { ...policy, maxMs: 1 }, most).kind).toBe('retry');
  });
});
