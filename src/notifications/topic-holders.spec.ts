import { MAIN_HOLDER, TopicHolders } from './topic-holders.js';

describe('TopicHolders', () => {
  it('keeps a topic from its first holder to its last', () => {
    const holders = new TopicHolders();
    expect([holders.add('a', MAIN_HOLDER), holders.add('a', 'streams'), holders.add('a', 'streams')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(holders.remove('a', MAIN_HOLDER)).toBe(false);
    expect([...holders.topics]).toEqual(['a']);
    // Letting go twice takes nothing off the other one.
    expect(holders.remove('a', MAIN_HOLDER)).toBe(false);
    expect(holders.remove('a', 'streams')).toBe(true);
    expect([...holders.topics]).toEqual([]);
  });

  it('tells what each one holds, and lets all of one go', () => {
    const holders = new TopicHolders();
    holders.add('a', MAIN_HOLDER);
    holders.add('b', MAIN_HOLDER);
    holders.add('b', 'streams');
    expect([...holders.heldBy(MAIN_HOLDER)]).toEqual(['a', 'b']);
    expect([holders.holds('a', 'streams'), holders.holds('b', 'streams')]).toEqual([false, true]);
    holders.removeAllOf(MAIN_HOLDER);
    expect([...holders.topics]).toEqual(['b']);
  });
});
