import { setTimeout } from 'node:timers/promises';
import { eventually } from '../helpers/process-scene.js';
import { type ChannelsUnderTest, startChannels, topicOf, topics } from './harness.js';

describe("channels that may be another replica's", () => {
  let under: ChannelsUnderTest;
  const coveredTopics = (): Set<string> => new Set(under.covered.flatMap((each) => each.topics));
  const changing = (): string[] =>
    under.simulator.genesys.requests
      .filter((each) => ['DELETE', 'PUT'].includes(each.method))
      .map((each) => each.method);

  afterEach(async () => under.stop());

  it('are let go without a word when they are', async () => {
    under = await startChannels({ environment: { CHANNEL_LINGER_MS: '100' } });
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    await under.database.db.updateTable('channels').set({ owner: 'another replica' }).execute();
    under.manager.release(topics(2));
    await under.when(() => under.fleet.current.size === 0);
    expect(changing()).toEqual([]);
    expect(await under.database.db.selectFrom('channels').select('owner').execute()).toEqual([
      { owner: 'another replica' },
    ]);
  });

  it('are not handed over when they are', async () => {
    under = await startChannels();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    await under.database.db.updateTable('channels').set({ owner: 'another replica' }).execute();
    under.simulator.genesys.faults.socketClosing('all');
    // What we wait for is listened for elsewhere.
    await under.when(
      () => coveredTopics().size === 2 && ![...under.fleet.current].some((channel) => channel.isDraining),
    );
    expect(changing()).toEqual([]);
    expect(under.simulator.genesys.channels().filter((each) => each.topics.length === 2)).not.toEqual([]);
  });

  it('have one object each, however many resume at once', async () => {
    under = await startChannels();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    await under.manager.suspend();
    await Promise.all([
      under.manager.resume(topics(2)),
      under.manager.resume(topics(2)),
      under.manager.resume(topics(2)),
    ]);
    expect(under.fleet.current.size).toBe(1);
    expect(under.manager.topicCount).toBe(2);
  });

  it('come back when the lease comes back while they are still closing', async () => {
    under = await startChannels();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    const [before] = under.simulator.genesys.channels();
    // Nobody answers the closing, which lasts until the connection is cut.
    under.simulator.genesys.faults.silence('all');
    const suspended = under.manager.suspend();
    const resumed = under.manager.resume(topics(2));
    await suspended;
    under.covered.length = 0;
    await resumed;
    await under.when(() => coveredTopics().size === 2);
    expect(under.simulator.genesys.channels().map((each) => each.id)).toEqual([before?.id]);
    expect(under.simulator.genesys.channels()[0]?.topics.sort()).toEqual([topicOf(0), topicOf(1)]);
  });

  it('stay as they are while the database cannot tell', async () => {
    under = await startChannels({ environment: { CHANNEL_LINGER_MS: '100' } });
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    await under.database.close();
    under.manager.release(topics(2));
    await under.simulator.genesys.waitFor(() => under.simulator.genesys.topics().length === 0);
    // Longer than it lingers, and some looks at it.
    await setTimeout(2_500);
    expect(changing()).toEqual([]);
    expect(under.simulator.genesys.channels()[0]?.connected).toBe(true);
    await under.database.open();
    await under.when(() => under.fleet.current.size === 0);
    const stored = async (): Promise<unknown[]> => under.database.db.selectFrom('channels').selectAll().execute();
    await eventually(async () => (await stored()).length === 0);
  });

  it.each([1, -1])('are closed, noted and compared in time when the wall clock jumps by %i h', async (hours) => {
    under = await startChannels({
      environment: { CHANNEL_LINGER_MS: '100', SUBSCRIPTION_CHECK_S: '1' },
      simulator: { genesys: { forbiddenTopics: [topicOf(9)] } },
    });
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    const real = Date.now;
    Date.now = () => real() + hours * 3_600_000;
    try {
      under.simulator.genesys.faults.dropTopic(topicOf(1));
      await under.when(() => under.covered.some((each) => each.gapId !== undefined));
      under.manager.release(topics(2));
      await under.when(() => under.fleet.current.size === 0);
    } finally {
      Date.now = real;
    }
    const [gap] = await under.gaps.list(1);
    expect((gap?.to_at ?? 0) - (gap?.from_at ?? 0)).toBeLessThan(60_000);
    expect((gap?.to_at ?? 0) - (gap?.from_at ?? 0)).toBeGreaterThanOrEqual(0);
  });
});
