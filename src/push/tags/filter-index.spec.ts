import { FilterIndex } from './filter-index.js';
import { checkFilter, checkTag } from './tag-grammar.js';

/** The document's sentences word for word, without any cleverness. */
function matches(filter: string, tag: string): boolean {
  if (filter === '*') return true;
  if (filter.endsWith('.*')) return tag.startsWith(filter.slice(0, -1));
  return filter === tag;
}

/** Numbers from 0 to below 1, the same on every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('FilterIndex', () => {
  it("finds the original document's five subscriptions, and none beside them", () => {
    const index = new FilterIndex<string>();
    const matching = [
      '*',
      'ors.*',
      'ors.agentavailability.*',
      'ors.agentavailability.agent123.*',
      'ors.agentavailability.agent123.available',
    ];
    const others = ['gms.*', 'ors', 'or.*', 'ors.agentavailability', 'ors.agentavailability.agent123.available.*'];
    for (const filter of [...matching, ...others]) index.add(filter, filter);

    expect(index.match('ors.agentavailability.agent123.available')).toEqual(matching);
    expect(index.size).toBe(10);
  });

  it.each([
    ['ors.*', 'ors.a', true],
    ['ors.*', 'ors.a.b', true],
    ['ors.*', 'ors', false],
    ['ors.*', 'orsx.a', false],
    ['ors.*', 'or', false],
    ['ors', 'ors.a', false],
    ['*', 'a', true],
    ['*', 'a.b.c', true],
    ['ORS.*', 'ors.a', false],
  ])('%s and %s: %s', (filter, tag, expected) => {
    const index = new FilterIndex<number>();
    index.add(filter, 1);
    expect(index.match(tag)).toEqual(expected ? [1] : []);
  });

  it('keeps several values of one filter and gives each back alone', () => {
    const index = new FilterIndex<string>();
    expect(['a', 'b', 'c', 'b'].map((id) => index.add('x.*', id))).toEqual([true, true, true, false]);
    expect(index.match('x.y')).toEqual(['a', 'b', 'c']);
    expect(index.remove('x.*', 'a')).toBe(true);
    expect(index.remove('x.*', 'a')).toBe(false);
    expect(index.remove('x.*', 'b')).toBe(true);
    expect(index.match('x.y')).toEqual(['c']);
    expect(index.add('x.*', 'c')).toBe(false);
    expect(index.remove('x.*', 'nobody')).toBe(false);
    expect(index.remove('x.*', 'c')).toBe(true);
    expect(index.remove('x.*', 'c')).toBe(false);
    expect(index.match('x.y')).toEqual([]);
    expect(index.size).toBe(0);
  });

  it('does not confuse a filter with a beginning of the same text', () => {
    const index = new FilterIndex<string>();
    index.add('a.b', 'exact');
    index.add('a.b.*', 'below');
    expect(index.remove('a.b', 'below')).toBe(false);
    expect(index.match('a.b')).toEqual(['exact']);
    expect(index.match('a.b.c')).toEqual(['below']);
  });

  it('does not stumble over names that objects have', () => {
    const index = new FilterIndex<string>();
    expect(index.match('__proto__.constructor')).toEqual([]);
    index.add('__proto__', 'a');
    index.add('constructor.*', 'b');
    expect(index.match('__proto__')).toEqual(['a']);
    expect(index.match('constructor.x')).toEqual(['b']);
    expect(index.match('toString')).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5])('agrees with a naive comparison while filters come and go (seed %d)', (seed) => {
    const random = seeded(seed);
    const pick = (below: number): number => Math.floor(random() * below);
    const words = ['a', 'b', 'ab', '1', '_'];
    const name = (): string => Array.from({ length: 1 + pick(4) }, () => words[pick(words.length)] ?? 'a').join('.');
    const filter = (): string => (random() < 0.03 ? '*' : random() < 0.5 ? `${name()}.*` : name());
    const index = new FilterIndex<number>();
    const naive = new Map<string, { filter: string; value: number }>();

    for (let step = 0; step < 3_000; step += 1) {
      const [one, value] = [filter(), pick(4)];
      checkFilter(one);
      const key = `${one} ${value}`;
      if (random() < 0.55) {
        expect(index.add(one, value)).toBe(!naive.has(key));
        naive.set(key, { filter: one, value });
      } else {
        expect(index.remove(one, value)).toBe(naive.delete(key));
      }
      const tag = name();
      checkTag(tag);
      const expected = [...naive.values()].filter((entry) => matches(entry.filter, tag)).map((entry) => entry.value);
      expect(index.match(tag).sort()).toEqual(expected.sort());
    }
    expect(index.size).toBe(naive.size);
    for (const entry of naive.values()) index.remove(entry.filter, entry.value);
    expect(index.size).toBe(0);
  });
});
