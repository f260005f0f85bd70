import { acwTopic, conversationOfAcwTopic } from './acw-topic.js';
import { failureWaitMs, isUrgent, lookupWait } from './lookup-schedule.js';
import { RecentWork } from './recent-work.js';
import { requestHash } from './request-hash.js';

describe('acwTopic', () => {
  it('is read back whatever its case', () => {
    expect(conversationOfAcwTopic(acwTopic('4fce').toUpperCase())).toBe('4fce');
    expect(conversationOfAcwTopic('v2.users.4fce.presence')).toBeUndefined();
  });
});

describe('the look-up schedule', () => {
  const SWEEP_MS = 1_800_000;
  const timesOf = (series: 'heard' | 'gap', count: number): number[] => {
    const times = [lookupWait(series, 0, SWEEP_MS).inMs];
    for (let step = 1; step < count; step++)
      times.push((times.at(-1) as number) + lookupWait(series, step, SWEEP_MS).inMs);
    return times.map((ms) => ms / 1_000);
  };

  it('asks for what is heard within half a minute and five minutes later', () => {
    expect(timesOf('heard', 3)).toEqual([30, 330, 2_130]);
  });

  it('asks after a gap at once, every 25 s for five minutes, and on for 16 minutes', () => {
    const times = timesOf('gap', 17);
    expect(times.slice(0, 4)).toEqual([2, 27, 52, 77]);
    expect(times.slice(12)).toEqual([302, 522, 742, 962, 2_762]);
  });

  it('goes over to the sweep, and never waits longer than it', () => {
    expect(lookupWait('heard', 99, SWEEP_MS).inMs).toBe(SWEEP_MS);
    for (const step of [0, 1, 5, 14]) expect(lookupWait('gap', step, 1_000).inMs).toBe(1_000);
    expect(lookupWait('heard', 0, 1_000)).toEqual({ inMs: 1_000, openInMs: 0 });
  });

  it('lets a look-up go along from the half of its wait on, and the first of whoever is heard at once', () => {
    expect(lookupWait('heard', 0, SWEEP_MS)).toEqual({ inMs: 30_000, openInMs: 0 });
    expect(lookupWait('heard', 1, SWEEP_MS)).toEqual({ inMs: 300_000, openInMs: 150_000 });
    expect(lookupWait('gap', 1, SWEEP_MS)).toEqual({ inMs: 25_000, openInMs: 12_500 });
  });

  it('tells what may have been missed from what only makes sure', () => {
    expect([isUrgent('gap', 0), isUrgent('gap', 15), isUrgent('gap', 16), isUrgent('heard', 0)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('waits twice as long after each failure in a row, and never longer than the sweep', () => {
    const waits = [0, 1, 2, 3, 7].map((failures) => failureWaitMs(failures, 1_800_000));
    expect(waits).toEqual([15_000, 30_000, 60_000, 120_000, 1_800_000]);
    expect(failureWaitMs(10_000, 1_800_000)).toBe(1_800_000);
    expect(failureWaitMs(0, 1_000)).toBe(1_000);
  });
});

describe('requestHash', () => {
  it('does not depend on the order of keys, at any depth, nor on absent fields', () => {
    const one = { a: '1', attributes: { x: '1', y: '2' }, b: undefined };
    const other = { attributes: { y: '2', x: '1' }, a: '1' };
    expect(requestHash(one)).toBe(requestHash(other));
  });

  it('stays what earlier versions stored', () => {
    const contents = { customerId: 'k', attributes: { y: '2', x: '1' }, conversationId: 'c', agentId: undefined };
    expect(requestHash(contents)).toBe('bb825acfe4fd01a3428fd54966a340394a9e5c6ea7bbe4d99b212dc60f55741c');
  });

  it('tells other contents apart', () => {
    expect(requestHash({ a: '1' })).not.toBe(requestHash({ a: '2' }));
    expect(requestHash({ a: '1', b: '2' })).not.toBe(requestHash({ a: '1","b":"2' }));
  });
});

describe('RecentWork', () => {
  it('knows a repeat of work that was captured, and nothing else', () => {
    const recent = new RecentWork();
    const work = { obtainedBy: 'event', conversationId: 'c1', sessionId: 's1', endedAt: 1 } as const;
    expect(recent.isRepeat(work, false)).toBe(false);
    expect(recent.isRepeat(work, true)).toBe(false);
    expect(recent.isRepeat({ ...work }, false)).toBe(true);
    expect(recent.isRepeat({ ...work, endedAt: 2 }, false)).toBe(false);
  });
});
