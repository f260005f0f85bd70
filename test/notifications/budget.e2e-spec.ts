import { eventually } from '../helpers/process-scene.js';
import { channelRow } from '../helpers/rows.js';
import { type ChannelsUnderTest, startChannels, topicOf, topics } from './harness.js';

const CLIENT = 'demo-client';

describe('the budget of channels', () => {
  let under: ChannelsUnderTest;
  const coveredTopics = (): Set<string> => new Set(under.covered.flatMap((each) => each.topics));
  const made = (): number =>
    under.simulator.genesys.requests.filter((each) => each.method === 'POST' && each.path.endsWith('/channels')).length;

  afterEach(async () => under.stop());

  /** Two channels of two topics, one of them kept free. */
  async function start(): Promise<string[][]> {
    under = await startChannels({ environment: { CHANNEL_MAX_COUNT: '2', CHANNEL_MAX_TOPICS: '2' } });
    const told: string[][] = [];
    under.manager.uncovered$.subscribe((each) => told.push(each));
    return told;
  }

  it('tells once which topics find no place, and covers them when there is room', async () => {
    const told = await start();
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 2);
    await eventually(async () => told.length > 0);
    expect(told).toEqual([[topicOf(2)]]);
    expect(under.manager.uncoveredCount).toBe(1);
    under.manager.release([topicOf(0)]);
    await under.when(() => coveredTopics().has(topicOf(2)));
    expect(under.manager.uncoveredCount).toBe(0);
    expect(told).toEqual([[topicOf(2)]]);
    expect(made()).toBe(1);
  });

  it('tells of topics that lose their place and get no other', async () => {
    const told = await start();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    await under.database.db
      .insertInto('channels')
      .values(channelRow({ owner: 'another replica', client: CLIENT }))
      .execute();
    under.simulator.genesys.faults.evict('all');
    await eventually(async () => told.length > 0);
    expect(told.flat().sort()).toEqual(topics(2));
    expect(under.manager.uncoveredCount).toBe(2);
    expect(made()).toBe(1);
  });

  it("does not count another client's channels, and counts slots of channels that are being made", async () => {
    await start();
    const at = Date.now();
    await under.database.db
      .insertInto('channels')
      .values(channelRow({ owner: 'another replica', client: 'another client' }))
      .execute();
    await under.database.db
      .insertInto('channel_slots')
      .values([
        { id: 'fresh', client: CLIENT, owner: 'another replica', seen_at: at },
        { id: 'left by a process that died long ago', client: CLIENT, owner: 'dead', seen_at: at - 151_000 },
      ])
      .execute();
    let told = 0;
    under.manager.uncovered$.subscribe(() => (told += 1));
    under.manager.want(topics(1));
    await eventually(async () => told > 0);
    expect(made()).toBe(0);
    expect(await under.database.db.selectFrom('channel_slots').select('id').execute()).toEqual([{ id: 'fresh' }]);
    await under.database.db.deleteFrom('channel_slots').execute();
    await under.when(() => coveredTopics().size === 1);
    expect(await under.database.db.selectFrom('channel_slots').select('id').execute()).toEqual([]);
  });
});
