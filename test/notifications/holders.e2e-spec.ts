import { type ChannelsUnderTest, startChannels, topicOf, topics } from './harness.js';

const STREAMS = 'streams';

describe('topics that two parts of the gateway want', () => {
  let under: ChannelsUnderTest;
  const subscribed = (): string[] => under.simulator.genesys.topics().sort();
  const coveredTopics = (): Set<string> => new Set(under.covered.flatMap((each) => each.topics));

  afterEach(async () => under.stop());

  it.each([
    ['main', STREAMS],
    [STREAMS, 'main'],
  ])('stay while one of them still does; first goes %s', async (first, last) => {
    under = await startChannels();
    under.manager.want(topics(2), 'main');
    under.manager.want([topicOf(0)], STREAMS);
    await under.when(() => coveredTopics().size === 2);
    under.manager.release([topicOf(0)], first);
    under.manager.release([topicOf(1)], 'main');
    await under.simulator.genesys.waitFor(() => subscribed().length === 1);
    expect(subscribed()).toEqual([topicOf(0)]);
    expect([...under.manager.wantedBy(last)]).toEqual([topicOf(0)]);
    under.manager.release([topicOf(0)], last);
    await under.simulator.genesys.waitFor(() => subscribed().length === 0);
  });

  it('are told as covered to whoever comes second', async () => {
    under = await startChannels();
    expect(under.manager.want([topicOf(0)], STREAMS)).toEqual([]);
    await under.when(() => coveredTopics().size === 1);
    expect(under.manager.want(topics(2), 'main')).toEqual([topicOf(0)]);
  });

  it('are asked for at once when they were refused before', async () => {
    under = await startChannels({ simulator: { genesys: { forbiddenTopics: [topicOf(0)] } } });
    under.manager.want([topicOf(0)], STREAMS);
    await under.when(() => under.rejected.length === 1);
    under.simulator.genesys.configure({ forbiddenTopics: [] });
    under.manager.want([topicOf(0)], 'main');
    await under.when(() => coveredTopics().size === 1);
  });

  it('have a gap when one of them was inherited from a replica that died, though the other covered it', async () => {
    under = await startChannels();
    under.manager.want([topicOf(0)], STREAMS);
    await under.when(() => coveredTopics().size === 1);
    await under.manager.resume([topicOf(0)]);
    expect(under.covered.at(-1)).toEqual({ topics: [topicOf(0)], gapId: expect.any(String) });
  });

  it('come back after a suspension, without those of the main job', async () => {
    under = await startChannels();
    under.manager.want([topicOf(0)], 'main');
    under.manager.want([topicOf(1)], STREAMS);
    await under.when(() => coveredTopics().size === 2);
    await under.manager.suspend();
    expect([...under.manager.wantedBy('main')]).toEqual([]);
    under.covered.length = 0;
    await under.manager.resume([]);
    await under.when(() => coveredTopics().has(topicOf(1)));
    await under.simulator.genesys.waitFor(() => subscribed().join() === topicOf(1));
  });
});
