import { DOMParser } from '@xmldom/xmldom';
import { parseCommandLine } from '../../bench/command-line.js';
import { plot } from '../../bench/report/plot.js';
import { ratioOf } from '../../bench/report/rounds.js';
import { describe as describeOutcome, hasCollapsed, isMet } from '../../bench/report/table.js';
import type { Limit, Outcome, Scenario, Side, Target } from '../../bench/scenario.js';

function target(value: number, limit: Limit, more: Partial<Target> = {}): Target {
  return { name: 'of bare', value, limit, unit: '', ...more };
}

function side(name: string, perSecond: readonly number[]): Side {
  const latency = { count: 1_000, p50: 1.5, p99: 20, p999: 30, max: 40 };
  return { name, runs: perSecond.map((rate) => ({ perSecond: rate, latency })) };
}

const OUTCOME: Outcome = {
  sides: [side('bare', [1_000, 3_000]), side('gateway (SQLite)', [500, 600]), side('gateway (PostgreSQL)', [400, 400])],
  targets: [target(0.35, { min: 0.6 }), target(1.1, { max: 1.2 })],
  notes: ['19 of them'],
};
const SCENARIO: Scenario = { name: 'capture', about: 'events', unit: 'events/s', inShort: true, run: () => pending };
const pending = new Promise<Outcome>(() => undefined);

describe('What the benchmark makes of its figures', () => {
  it('takes the median of the ratios of each round, not the ratio of medians', () => {
    expect(ratioOf(OUTCOME.sides, 'gateway (SQLite)', 'bare')).toBeCloseTo((0.5 + 0.2) / 2);
  });

  it.each([
    [0.6, { min: 0.6 }, true],
    [0.599, { min: 0.6 }, false],
    [3, { max: 3 }, true],
    [3.01, { max: 3 }, false],
  ])('counts %d as within %j: %s', (value, limit, met) => {
    expect(isMet(target(value, limit))).toBe(met);
  });

  it.each([
    ['a third of the promise is none', 0.2, { min: 0.6 }, {}, false],
    ['less than a third is one', 0.19, { min: 0.6 }, {}, true],
    ['three times too much is none', 9, { max: 3 }, {}, false],
    ['more than three times is one', 9.1, { max: 3 }, {}, true],
    ['where less is reached, that counts', 0.06, { min: 0.6 }, { reached: 0.15 }, false],
    ['and a third of that is one', 0.04, { min: 0.6 }, { reached: 0.15 }, true],
    ['times and sizes say nothing', 1e9, { max: 1 }, { unit: 'ms' }, false],
    ['nor do the slowest few', 10.1, { max: 3 }, { isTail: true as const }, false],
  ])('sees a collapse in a short run only: %s', (_, value, limit: Limit, more, collapsed) => {
    expect(hasCollapsed(target(value, limit, more), 3)).toBe(collapsed);
  });

  it('says in words what was measured and what was missed', () => {
    const text = describeOutcome(SCENARIO, OUTCOME);
    expect(text).toMatch(/gateway \(SQLite\) +550 +1\.5 +20 +30/);
    expect(text).toContain('MISSED  of bare: 0.35 (≥ 0.6)');
    expect(text).toContain('met     of bare: 1.1 (≤ 1.2)');
    expect(text).toContain('19 of them');
  });

  it('plots a row for each scenario, on a ground of its own, as well-formed SVG', () => {
    const over = { ...OUTCOME, sides: [side('10,000 stored', [900]), side('1,000,000 stored', [800])] };
    const svg = plot([
      { name: 'capture', unit: 'events/s', outcome: OUTCOME },
      { name: 'cost-over-time', unit: 'events/s', outcome: over },
      { name: 'recovery', unit: '', outcome: { sides: [{ name: 'gateway', runs: [{}] }], targets: [], notes: [] } },
    ]);
    const fail = (level: string, message: string): never => {
      throw new Error(`${level}: ${message}`);
    };
    const document = new DOMParser({ onError: fail }).parseFromString(svg, 'image/svg+xml');
    const texts = Array.from(document.getElementsByTagName('text'), ({ textContent }) => textContent);
    expect(texts).toEqual(
      expect.arrayContaining([
        'capture (events)',
        '2,000',
        '550',
        'cost-over-time, 1,000,000 stored',
        'capture p99.9',
        'gateway, PostgreSQL',
      ]),
    );
    expect(texts.join()).not.toContain('recovery');
    expect(document.getElementsByTagName('rect')[0]?.getAttribute('fill')).toBe('#ffffff');
  });

  it('takes a short run for one round of a tenth, unless told otherwise', () => {
    expect(parseCommandLine(['--short'])).toMatchObject({ short: true, rounds: 1, scale: 0.1 });
    expect(parseCommandLine(['capture', '--short', '--scale', '0.5'])).toMatchObject({
      scenarios: ['capture'],
      scale: 0.5,
    });
    expect(() => parseCommandLine(['--rounds', 'many'])).toThrow("--rounds takes a number above 0, not 'many'");
    expect(() => parseCommandLine(['--fast'])).toThrow('--fast');
  });
});
