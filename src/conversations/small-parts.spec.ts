import { acwTopic, conversationOfAcwTopic } from './acw-topic.js';
import { failureWaitMs, firstLookupMs, nextLookupMs } from './lookup-schedule.js';
import { RecentWork } from './recent-work.js';
import { requestHash } from './request-hash.js';

describe('acwTopic', () => {
  it('is read back whatever its case', () => {
    expect(conversationOfAcwTopic(acwTopic('4fce').toUpperCase())).toBe('4fce');
    expect(conversationOfAcwTopic('v2.users.4fce.presence')).toBeUndefined();
  });
});

describe('the look-up schedule', () => {
  it('asks at 2, 5, 15 and 60 s and then every 5 minutes for 15 minutes', () => {
    const times = [firstLookupMs()];
    for (let step = 0; step < 6; step++) times.push((times.at(-1) as number) + nextLookupMs(step, 1_800_000));
    expect(times).toEqual([2_000, 5_000, 15_000, 60_000, 360_000, 660_000, 960_000]);
  });

  it('goes over to the sweep, and never waits longer than it', () => {
    expect(nextLookupMs(6, 1_800_000)).toBe(1_800_000);
    expect(nextLookupMs(99, 1_800_000)).toBe(1_800_000);
    expect(nextLookupMs(3, 10_000)).toBe(10_000);
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
