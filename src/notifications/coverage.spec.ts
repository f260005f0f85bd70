import { Coverage, type GapOpened } from './coverage.js';

describe('Coverage', () => {
  let opened: GapOpened[];
  let ended: string[];
  let coverage: Coverage;

  beforeEach(() => {
    opened = [];
    ended = [];
    coverage = new Coverage(
      (gap) => opened.push(gap),
      (gap) => ended.push(gap.id),
    );
  });

  it('tells of topics that are covered for the first time, once', () => {
    expect(coverage.gained(['a', 'b'])).toEqual([{ topics: ['a', 'b'] }]);
    expect(coverage.gained(['a', 'b'])).toEqual([]);
  });

  it('opens one gap for a loss, and ends it with the last topic', () => {
    coverage.gained(['a', 'b']);
    coverage.lost(['a', 'b'], 'closed', 5, 1);
    expect(opened).toMatchObject([{ topics: 2, reason: 'closed', from: 5, channelNo: 1 }]);
    const gapId = opened[0]?.id;
    expect(coverage.gained(['a'])).toEqual([{ topics: ['a'], gapId }]);
    expect(ended).toEqual([]);
    expect(coverage.gained(['b'])).toEqual([{ topics: ['b'], gapId }]);
    expect(ended).toEqual([gapId]);
  });

  it('keeps a topic in the gap that it is in already', () => {
    coverage.gained(['a']);
    coverage.lost(['a'], 'closed', 5, 1);
    coverage.lost(['a'], 'gone', 6, 1);
    expect(opened).toHaveLength(1);
  });

  it('ends a gap whose topics nobody waits for any more', () => {
    coverage.gained(['a']);
    coverage.lost(['a'], 'closed', 5, 1);
    coverage.forget('a');
    expect(ended).toHaveLength(1);
    expect(coverage.gained(['a'])).toEqual([{ topics: ['a'] }]);
  });
});
