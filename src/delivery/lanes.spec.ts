import type { Held } from './attempt.js';
import type { BreakerChange } from './breaker.js';
import { Lanes } from './lanes.js';
import type { SendOutcome } from './sink.js';

const DELIVERED: SendOutcome = { kind: 'delivered', status: 200 };
const DOWN: SendOutcome = { kind: 'retry', code: 'test.down', message: 'down', status: 503 };

type End = (outcome: SendOutcome) => void;

describe('Lanes', () => {
  let time: number;
  let lanes: Lanes;
  let changes: BreakerChange[];

  beforeEach(() => {
    time = 0;
    changes = [];
    lanes = new Lanes(
      { concurrency: 8, perDestination: 2, ahead: 2 },
      { baseMs: 1_000, capMs: 8_000 },
      (_, change) => changes.push(change),
      () => time,
    );
  });

  const held = (destination: string, crashes = 0): Held =>
    ({ delivery: { destination, crashes }, claimedAt: 0, leaseMs: 60_000 }) as unknown as Held;
  const add = (destination: string, count: number): void =>
    lanes.add(Array.from({ length: count }, () => held(destination)));
  const roomOf = (...destinations: string[]): number[] => {
    const { shares } = lanes.sharesOf(destinations);
    return destinations.map((name) => shares.find(({ destination }) => destination === name)?.room ?? 0);
  };

  /** Begins all that may begin now. */
  function begin(): { destination: string; end: End }[] {
    const begun: { destination: string; end: End }[] = [];
    for (let next = lanes.next(); next; next = lanes.next()) {
      begun.push({ destination: next.delivery.destination ?? '', end: lanes.began(next) });
    }
    return begun;
  }

  /** Each has answered once, so fast. */
  function answered(destination: string, ms: number, outcome = DELIVERED): void {
    add(destination, 1);
    const [one] = begin();
    time += ms;
    one?.end(outcome);
  }

  it('begins as many to one destination as may be, and takes turns', () => {
    add('a', 6);
    add('b', 3);
    const begun = begin();
    expect(begun.map(({ destination }) => destination)).toEqual(['a', 'b', 'a', 'b']);
    begun[0]?.end(DELIVERED);
    expect(begin().map(({ destination }) => destination)).toEqual(['a']);
  });

  it('has suspects go first', () => {
    add('a', 1);
    lanes.add([held('a', 1)]);
    expect(lanes.next()?.delivery.crashes).toBe(1);
  });

  it('keeps a quarter of the places for quick ones, however many others there are', () => {
    answered('quick', 10);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) add(name, 2);
    expect(begin()).toHaveLength(6);
    expect(begin()).toEqual([]);
    add('quick', 3);
    expect(begin().map(({ destination }) => destination)).toEqual(['quick', 'quick']);
  });

  it('calls nobody quick whose attempt takes long, from that moment on', () => {
    answered('a', 10);
    expect(roomOf('a')).toEqual([6]);
    add('a', 2);
    const [first] = begin();
    time += 101;
    expect(roomOf('a')).toEqual([2]);
    first?.end(DELIVERED);
    expect(roomOf('a')).toEqual([3]);
  });

  it('has less claimed ahead for those that are not quick, half of all for all of them', () => {
    answered('quick', 10);
    const names = Array.from({ length: 30 }, (_, n) => `slow${n}`);
    expect(roomOf('slow0')).toEqual([4]);
    expect(lanes.sharesOf(names)).toEqual({
      shares: names.slice(0, 12).map((destination) => ({ destination, room: 1 })),
      complete: false,
    });
    for (const name of names.slice(0, 12)) add(name, 1);
    expect(lanes.sharesOf(names).shares).toEqual([]);
    expect(roomOf('quick')).toEqual([6]);
  });

  it('shares out evenly what can be held', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const name of names) answered(name, 10);
    expect(roomOf(...names)).toEqual([4, 4, 4, 3, 3, 3, 3]);
  });

  it('asks for more where less than half a batch is left', () => {
    answered('a', 10);
    add('a', 4);
    begin();
    expect(roomOf('a')).toEqual([0]);
    begin();
    lanes.next();
    expect(lanes.runsLow(held('a'))).toBe(false);
  });

  it('holds a destination that keeps failing, and only that one', () => {
    for (let i = 0; i < 10; i++) answered('a', 1, DOWN);
    add('a', 3);
    expect(begin()).toEqual([]);
    expect(lanes.surrendered()).toHaveLength(3);
    expect(roomOf('a', 'b')).toEqual([0, 4]);
    expect(lanes.waitMs).toBeGreaterThan(0);
    time += 1_000;
    expect(roomOf('a')).toEqual([1]);
    answered('a', 1);
    expect(lanes.waitMs).toBeUndefined();
    expect(changes.map(({ to }) => to)).toEqual(['open', 'half-open', 'closed']);
  });

  it('leaves half of all places to those that do not fail', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) answered(name, 1, DOWN);
    for (const name of ['a', 'b', 'c', 'd', 'e']) add(name, 1);
    expect(begin()).toHaveLength(4);
    add('new', 1);
    expect(begin().map(({ destination }) => destination)).toEqual(['new']);
  });

  it('gives back what it took in advance for one that turns out not to be quick', () => {
    answered('a', 10);
    add('a', 8);
    begin();
    expect(lanes.surrendered()).toEqual([]);
    time += 101;
    expect(lanes.surrendered()).toHaveLength(2);
    expect(lanes.waiting).toBe(4);
  });

  it('remembers 10,000 destinations, and forgets those first that came first', () => {
    for (let i = 0; i < 10_005; i++) answered(`to ${i}`, 1);
    expect(lanes).toHaveProperty('lanes.size', 10_000);
    expect(roomOf('to 0')).toEqual([4]);
    expect(roomOf('to 10000')).toEqual([6]);
  });
});
