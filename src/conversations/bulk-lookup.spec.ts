import { HttpFailure } from '../common/http-exchange.js';
import { GenesysForbiddenError, GenesysRequestError, GenesysUnreachableError } from '../genesys/genesys.errors.js';
import { BulkLookup, type BulkView, type Paused, partsOf } from './bulk-lookup.js';

const refusal = (status: number): GenesysRequestError => {
  const Refusal = status === 403 ? GenesysForbiddenError : GenesysRequestError;
  return new Refusal(`answered ${status}`, { operation: 'conversationDetails', status });
};
const late = (): Error =>
  new GenesysUnreachableError('no answer', { cause: new HttpFailure('timeout', 'ETIMEDOUT', 'no answer') });

const IDS = Array.from({ length: 8 }, (_each, n) => `c${n}`);

/** A Genesys that knows everybody, but fails where it is told to. */
interface World {
  fails?: (ids: readonly string[]) => Error | undefined;
  /** To the question about a conversation that nobody knows. */
  neutral?: Error;
  there?: boolean;
}

describe('BulkLookup', () => {
  let now: number;
  let bulk: BulkLookup<string>;
  let asked: (readonly string[])[];
  let neutralAsked: number;
  let paused: Paused[];

  beforeEach(() => {
    now = 0;
    asked = [];
    neutralAsked = 0;
    paused = [];
    bulk = new BulkLookup(
      (view) => paused.push(view),
      () => now,
    );
  });

  async function ask(
    ids: readonly string[],
    { fails = () => undefined, neutral, there = true }: World = {},
    { hurry = false, signal = new AbortController().signal } = {},
  ): Promise<Map<string, BulkView<string>>> {
    const views = new Map<string, BulkView<string>>();
    await bulk.ask([ids], {
      request: async (part) => {
        asked.push(part);
        const error = fails(part);
        if (error) throw error;
        return new Map(part.map((id) => [id, `work of ${id}`]));
      },
      neutral: async () => {
        neutralAsked += 1;
        if (neutral) throw neutral;
      },
      isThere: async () => there,
      told: async (part, view) => {
        for (const id of part) {
          expect(views.has(id)).toBe(false);
          views.set(id, view);
        }
      },
      hurry,
      signal,
    });
    return views;
  }

  const spoiltBy =
    (error: () => Error, ...culprits: string[]) =>
    (ids: readonly string[]): Error | undefined =>
      ids.some((id) => culprits.includes(id)) ? error() : undefined;
  const tooMany =
    (most: number) =>
    (ids: readonly string[]): Error | undefined =>
      ids.length > most ? refusal(400) : undefined;
  const those = (views: Map<string, BulkView<string>>, state: string): string[] =>
    [...views].filter(([, view]) => view.state === state).map(([id]) => id);

  it('asks once where nothing is wrong', async () => {
    const views = await ask(IDS);
    expect(asked).toEqual([IDS]);
    expect(neutralAsked).toBe(0);
    expect(views.get('c3')).toMatchObject({
      state: 'answered',
      found: new Map(IDS.map((id) => [id, `work of ${id}`])),
    });
  });

  it('takes a batch apart until each culprit is alone, and answers everybody else', async () => {
    const views = await ask(IDS, { fails: spoiltBy(() => refusal(400), 'c1', 'c6') });
    expect(those(views, 'failed').sort()).toEqual(['c1', 'c6']);
    expect(those(views, 'answered')).toHaveLength(6);
    expect(bulk.most).toBe(100);
  });

  it.each([3, 7])('answers everybody behind %d culprits that stand at the head', async (count) => {
    const culprits = IDS.slice(0, count);
    for (const error of [() => refusal(400), () => refusal(500), late]) {
      const views = await ask(IDS, { fails: spoiltBy(error, ...culprits) });
      expect(those(views, 'failed').sort()).toEqual(culprits);
      expect(those(views, 'answered').sort()).toEqual(IDS.slice(count));
    }
    expect(paused).toEqual([]);
  });

  it('knows a culprit also when nobody else was asked for', async () => {
    expect(those(await ask(['c1'], { fails: spoiltBy(() => refusal(500), 'c1') }), 'failed')).toEqual(['c1']);
  });

  it('only suspects those of a request that was not answered in time, where there is a hurry', async () => {
    const views = await ask(IDS, { fails: spoiltBy(late, 'c1') }, { hurry: true });
    expect(those(views, 'suspected')).toEqual(IDS);
    expect(asked).toHaveLength(1);
    expect(bulk.most).toBe(100);
  });

  it('learns for an hour how many were answered together, where nobody is to blame', async () => {
    expect(those(await ask(IDS, { fails: tooMany(2) }), 'answered')).toHaveLength(8);
    expect(bulk.most).toBe(2);
    now = 60 * 60_000 - 1;
    expect(bulk.most).toBe(2);
    now += 1;
    expect(bulk.most).toBe(100);
  });

  it.each([
    ['forbidden', 403, 10 * 60_000],
    ['refused', 400, 10 * 60_000],
    ['out', 500, 60_000],
  ] as const)('is left alone while it is %s, whoever is asked for, and says so once', async (state, status, forMs) => {
    const world = { fails: () => refusal(status), neutral: refusal(status) };
    expect(those(await ask(IDS, world), state)).toEqual(IDS);
    now = forMs - 1;
    expect(those(await ask(IDS), state)).toEqual(IDS);
    expect(asked).toHaveLength(1);
    now = forMs;
    expect(those(await ask(IDS, world), state)).toEqual(IDS);
    expect(paused).toEqual([expect.objectContaining({ state })]);
    now = 2 * forMs;
    expect(those(await ask(IDS), 'answered')).toEqual(IDS);
  });

  it('works where Genesys does not know the conversation that nobody knows', async () => {
    const views = await ask(IDS, { fails: spoiltBy(() => refusal(400), 'c1'), neutral: refusal(404) });
    expect(those(views, 'failed')).toEqual(['c1']);
  });

  it.each<[string, World]>([
    ['credentials', { fails: () => refusal(401) }],
    ['nobody is answered', { fails: () => refusal(503), neutral: refusal(503), there: false }],
  ])('stops at once where it is Genesys that fails: %s', async (_name, world) => {
    expect(those(await ask(IDS, world), 'away')).toEqual(IDS);
    expect(asked).toHaveLength(1);
  });

  it('blames nobody who is asked for after Genesys went away', async () => {
    const fails = (ids: readonly string[]): Error | undefined => {
      now += 2_000;
      return ids.length === 8 ? refusal(400) : refusal(401);
    };
    expect(those(await ask(IDS, { fails }), 'away').sort()).toEqual(IDS);
  });

  it("rejects with the signal's reason, and blames nobody", async () => {
    const stopped = new AbortController();
    const fails = (): Error => {
      stopped.abort(new Error('stop'));
      return new Error('given up');
    };
    await expect(ask(IDS, { fails }, { signal: stopped.signal })).rejects.toThrow('stop');
    expect(neutralAsked).toBe(0);
  });
});

describe('partsOf', () => {
  it('has equal parts, and no empty one', () => {
    expect(partsOf(IDS, 2)).toEqual([IDS.slice(0, 4), IDS.slice(4)]);
    expect(partsOf(['a', 'b', 'c'], 10)).toEqual([['a'], ['b'], ['c']]);
    expect(partsOf([], 10)).toEqual([]);
  });
});
