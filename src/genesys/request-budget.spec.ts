import { jest } from '@jest/globals';
import { getEventListeners } from 'node:events';
import type { RequestPriority } from './genesys.types.js';
import { RequestBudget } from './request-budget.js';

/** 20 a minute: 19 are used, 17 of them by look-ups, 13 by those that only make sure. */
const PER_MINUTE = 20;
const LIMIT = 19;
const LOOKUPS = 17;
const SWEEPS = 13;

describe('RequestBudget', () => {
  let budget: RequestBudget;
  let order: string[];

  const ask = (name: string, priority: RequestPriority = 'channel', signal?: AbortSignal): Promise<void> =>
    budget.acquire(priority, signal).then(
      () => void order.push(name),
      (error: Error) => void order.push(`${name}: ${error.name}`),
    );
  const askMany = (count: number, name: string, priority: RequestPriority = 'channel'): void => {
    for (let index = 0; index < count; index += 1) void ask(name, priority);
  };
  const failureOf = (work: Promise<void>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );
  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    jest.useFakeTimers();
    budget = new RequestBudget(PER_MINUTE);
    order = [];
  });
  afterEach(() => {
    budget.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it("lets a minute's requests go at once and the rest a minute after the first", async () => {
    askMany(10, 'a');
    await pass(30_000);
    askMany(12, 'b');
    await pass(0);
    expect(order).toHaveLength(LIMIT);
    await pass(29_999);
    expect(order).toHaveLength(LIMIT);
    await pass(1);
    expect(order).toHaveLength(22);
  });

  it('never sends more than the limit in any minute', async () => {
    const sent: number[] = [];
    for (let index = 0; index < 100; index += 1) {
      void budget.acquire(index % 3 ? 'gap' : 'channel').then(() => sent.push(Date.now()));
      await pass(index % 7 ? 400 : 5_000);
    }
    await pass(600_000);
    expect(sent).toHaveLength(100);
    for (const start of sent) {
      expect(sent.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(LIMIT);
    }
  });

  it('serves channels before look-ups, each in order', async () => {
    askMany(LIMIT, 'first');
    for (const name of ['l1', 'l2']) void ask(name, 'gap');
    for (const name of ['c1', 'c2']) void ask(name, 'channel');
    await pass(0);
    order = [];
    await pass(60_000);
    expect(order).toEqual(['c1', 'c2', 'l1', 'l2']);
  });

  it('keeps a tenth from look-ups', async () => {
    askMany(30, 'l', 'gap');
    await pass(0);
    expect(order).toHaveLength(LOOKUPS);
    askMany(2, 'c');
    await pass(0);
    expect(order).toHaveLength(LIMIT);
    await pass(60_000);
    expect(order.filter((name) => name === 'l')).toHaveLength(30);
  });

  it('keeps three tenths from those that only make sure, and serves them last', async () => {
    askMany(30, 's', 'sweep');
    await pass(0);
    expect(order).toHaveLength(SWEEPS);
    askMany(10, 'g', 'gap');
    await pass(0);
    expect(order.filter((name) => name === 'g')).toHaveLength(LOOKUPS - SWEEPS);
    expect(budget.view()).toEqual({
      limit: LIMIT,
      usedLastMinute: LOOKUPS,
      waiting: { channel: 0, gap: 6, sweep: 17 },
      pausedMs: 0,
    });
    order = [];
    await pass(60_000);
    expect(order.slice(0, 6)).toEqual(Array(6).fill('g'));
    expect(order.slice(6)).toEqual(Array(SWEEPS - 6).fill('s'));
    await pass(120_000);
    expect(budget.view().waiting).toEqual({ channel: 0, gap: 0, sweep: 0 });
  });

  it('tells for how long it is paused', () => {
    budget.pauseFor(10_000);
    expect(budget.view().pausedMs).toBe(10_000);
  });

  it('tells how many look-ups are free', async () => {
    expect(budget.spare()).toBe(LOOKUPS);
    askMany(5, 'c');
    await pass(0);
    expect(budget.spare()).toBe(LOOKUPS - 5);
    askMany(30, 'l', 'gap');
    expect(budget.spare()).toBe(0);
    await pass(200_000);
    expect(budget.spare()).toBe(LOOKUPS);
    budget.pauseFor(1_000);
    expect(budget.spare()).toBe(0);
    await pass(1_000);
    expect(budget.spare()).toBe(LOOKUPS);
  });

  it('holds everybody during a short pause, which only a later end changes', async () => {
    budget.pauseFor(10_000);
    budget.pauseFor(2_000);
    askMany(3, 'c');
    await pass(9_999);
    expect(order).toEqual([]);
    await pass(1);
    expect(order).toHaveLength(3);
  });

  it('turns everybody away during a long pause, with the time that is left', async () => {
    askMany(LIMIT + 1, 'c');
    await pass(0);
    budget.pauseFor(3_600_000);
    await pass(0);
    expect(order.at(-1)).toBe('c: GenesysRateLimitError');
    await pass(3_000_000);
    expect(await failureOf(budget.acquire('channel'))).toMatchObject({ retryAfterMs: 600_000 });
    await pass(600_000);
    void ask('after');
    await pass(0);
    expect(order.at(-1)).toBe('after');
  });

  it('lets a caller go who gives up, without counting it', async () => {
    askMany(LIMIT - 1, 'c');
    await pass(0);
    const stop = new AbortController();
    void ask('one');
    void ask('two', 'channel', stop.signal);
    void ask('three');
    await pass(0);
    stop.abort(new Error('enough'));
    await pass(60_000);
    expect(order.slice(LIMIT - 1)).toEqual(['one', 'two: Error', 'three']);
    expect(await failureOf(budget.acquire('channel', stop.signal))).toMatchObject({ message: 'enough' });
  });

  it('listens to a signal no longer than a caller waits', async () => {
    const { signal } = new AbortController();
    askMany(LIMIT, 'c');
    void ask('waits', 'channel', signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await pass(60_000);
    expect(order.at(-1)).toBe('waits');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('refuses more than a thousand waiting of one kind, but not the other kind', async () => {
    askMany(LOOKUPS + 1_000, 'l', 'gap');
    expect(await failureOf(budget.acquire('gap'))).toMatchObject({
      message: '1000 gap requests to Genesys are waiting already (limit 1000); 19 are sent a minute.',
    });
    void ask('c');
    await pass(0);
    expect(order.at(-1)).toBe('c');
  });

  it('rejects who waits when it is closed, and whoever comes later', async () => {
    askMany(LIMIT + 1, 'c');
    await pass(0);
    budget.close();
    await pass(0);
    expect(order.at(-1)).toBe('c: GenesysRateLimitError');
    expect(await failureOf(budget.acquire('channel'))).toMatchObject({ retryAfterMs: 0 });
  });

  it.each([-3_600_000, 3_600_000])('is not disturbed by a wall clock that jumps by %i ms', async (step) => {
    askMany(LIMIT + 1, 'c');
    await pass(30_000);
    expect(order).toHaveLength(LIMIT);
    jest.setSystemTime(Date.now() + step);
    void ask('late');
    await pass(29_999);
    expect(order).toHaveLength(LIMIT);
    await pass(1);
    expect(order).toHaveLength(LIMIT + 2);
    budget.pauseFor(10_000);
    jest.setSystemTime(Date.now() + step);
    void ask('after the pause');
    await pass(9_999);
    expect(order).toHaveLength(LIMIT + 2);
    await pass(1);
    expect(order.at(-1)).toBe('after the pause');
  });

  it('works with a budget of one a minute', async () => {
    budget.close();
    budget = new RequestBudget(1);
    void ask('a', 'gap');
    void ask('b', 'gap');
    await pass(0);
    expect(order).toEqual(['a']);
    await pass(60_000);
    expect(order).toEqual(['a', 'b']);
  });
});
