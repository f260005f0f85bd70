import { GenesysRequestError } from '../genesys/genesys.errors.js';
import { BulkLookup } from './bulk-lookup.js';

const refusal = (status: number): GenesysRequestError =>
  new GenesysRequestError(`answered ${status}`, { operation: 'conversationDetails', status });
const IDS = Array.from({ length: 8 }, (_each, n) => `c${n}`);
const there = (): Promise<boolean> => Promise.resolve(true);
const away = (): Promise<boolean> => Promise.resolve(false);

describe('BulkLookup', () => {
  let now: number;
  let bulk: BulkLookup<string>;
  let asked: (readonly string[])[];

  beforeEach(() => {
    now = 0;
    bulk = new BulkLookup(() => now);
    asked = [];
  });

  /** A Genesys that knows everybody but fails where `fails` says so. */
  function ask(
    ids: readonly string[],
    fails: (ids: readonly string[]) => Error | undefined = () => undefined,
    isThere = there,
  ): ReturnType<typeof bulk.ask> {
    const request = (part: readonly string[]): Promise<Map<string, string>> => {
      asked.push(part);
      const error = fails(part);
      return error ? Promise.reject(error) : Promise.resolve(new Map(part.map((id) => [id, `work of ${id}`])));
    };
    return bulk.ask(ids, request, isThere);
  }

  const spoiltBy =
    (status: number, ...culprits: string[]) =>
    (ids: readonly string[]): Error | undefined =>
      ids.some((id) => culprits.includes(id)) ? refusal(status) : undefined;
  const tooMany =
    (most: number) =>
    (ids: readonly string[]): Error | undefined =>
      ids.length > most ? refusal(400) : undefined;

  it('asks once where nothing is wrong', async () => {
    const answer = await ask(IDS);
    expect(asked).toEqual([IDS]);
    expect(answer.found.get('c3')).toBe('work of c3');
    expect([...answer.answered]).toEqual(IDS);
  });

  it('asks nothing for nobody', async () => {
    await ask([]);
    expect(asked).toEqual([]);
  });

  it('halves until each culprit is alone, and answers everybody else', async () => {
    const answer = await ask(IDS, spoiltBy(400, 'c1', 'c6'));
    expect([...answer.culprits.keys()]).toEqual(['c1', 'c6']);
    expect([...answer.answered]).toEqual(IDS.filter((id) => id !== 'c1' && id !== 'c6'));
    expect(bulk.proves(answer)).toBe(true);
    expect(bulk.most).toBe(100);
  });

  it('learns for an hour how many were answered together, where nobody is to blame', async () => {
    const answer = await ask(IDS, tooMany(2));
    expect(answer.culprits.size).toBe(0);
    expect(answer.answered.size).toBe(8);
    expect(bulk.most).toBe(2);
    now = 60 * 60_000 - 1;
    expect(bulk.most).toBe(2);
    now += 1;
    expect(bulk.most).toBe(100);
  });

  it('is left alone for 10 min once three fail alone and nobody is answered', async () => {
    const answer = await ask(IDS, () => refusal(403));
    expect(answer.refused).toMatchObject({ status: 403 });
    expect(answer.culprits.size).toBe(0);
    expect(bulk.proves(answer)).toBe(false);
    const before = asked.length;
    await ask(IDS);
    expect(asked).toHaveLength(before);
    now = 10 * 60_000;
    expect((await ask(IDS)).answered.size).toBe(8);
  });

  it('takes one that fails alone for a culprit only once bulk look-ups have worked', async () => {
    expect(bulk.proves(await ask(['c1'], spoiltBy(400, 'c1')))).toBe(false);
    await ask(['c2']);
    expect(bulk.proves(await ask(['c1'], spoiltBy(400, 'c1')))).toBe(true);
  });

  it('stops at once where it is Genesys that fails', async () => {
    const answer = await ask(IDS, () => refusal(401));
    expect(asked).toHaveLength(1);
    expect(answer.failure).toMatchObject({ status: 401 });
  });

  it('keeps what was answered before Genesys went away', async () => {
    const answer = await ask(IDS, (ids) => (ids.includes('c7') ? refusal(ids.length === 8 ? 400 : 401) : undefined));
    expect([...answer.answered]).toEqual(IDS.slice(0, 4));
    expect(answer.failure).toMatchObject({ status: 401 });
  });

  it('halves for a failure that may pass only while Genesys answers others', async () => {
    expect((await ask(IDS, spoiltBy(500, 'c5'), away)).failure).toMatchObject({ status: 500 });
    expect(asked).toHaveLength(1);
    expect([...(await ask(IDS, spoiltBy(500, 'c5'), there)).culprits.keys()]).toEqual(['c5']);
  });
});
