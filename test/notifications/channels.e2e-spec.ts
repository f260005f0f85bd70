import { type ChannelsUnderTest, startChannels, topicOf, topics } from './harness.js';

describe('channels', () => {
  let under: ChannelsUnderTest;

  const coveredTopics = (): Set<string> => new Set(under.covered.flatMap((each) => each.topics));
  const emit = (topic: string, mark: string): void => {
    under.simulator.genesys.registry.publish(topic, { mark });
  };
  const marks = (): unknown[] => under.events.map((event) => (event.body as { mark: string }).mark);
  const channelOf = (topic: string): string => {
    const channel = under.simulator.genesys.channels().find((each) => each.topics.includes(topic));
    if (!channel) throw new Error('no channel has the topic');
    return channel.id;
  };

  afterEach(async () => under.stop());

  it('covers what is wanted, passes events on, and unsubscribes what is released', async () => {
    under = await startChannels();
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    emit(topicOf(1), 'one');
    await under.when(() => marks().includes('one'));
    under.manager.release([topicOf(1)]);
    await under.simulator.genesys.waitFor(() => under.simulator.genesys.topics().length === 2);
    const frames = under.simulator.genesys.frames
      .filter((frame) => frame.direction === 'in')
      .map((frame) => JSON.parse(frame.text));
    expect(frames).toEqual([
      { message: 'ping' },
      { message: 'subscribe', topics: topics(3), correlationId: expect.any(String) },
      { message: 'unsubscribe', topics: [topicOf(1)], correlationId: expect.any(String) },
    ]);
  });

  it('tells that a topic is covered again which is wanted again while its end still waits for another answer', async () => {
    under = await startChannels();
    const { genesys } = under.simulator;
    const times = (topic: string): number => under.covered.filter((each) => each.topics.includes(topic)).length;
    const isAsked = (topic: string): boolean =>
      genesys.frames.some(({ direction, text }) => direction === 'in' && text.includes(topic));
    under.manager.want([topicOf(1)]);
    await under.when(() => times(topicOf(1)) === 1);
    genesys.faults.slowReplies(300);
    under.manager.want([topicOf(2)]);
    await genesys.waitFor(() => isAsked(topicOf(2)));
    under.manager.release([topicOf(1)]);
    expect(under.manager.isCovered(topicOf(1))).toBe(false);
    under.manager.want([topicOf(1)]);
    await under.when(() => times(topicOf(1)) === 2);
    expect(under.manager.isCovered(topicOf(1))).toBe(true);
    emit(topicOf(1), 'still heard');
    await under.when(() => marks().includes('still heard'));
  });

  it('uses the same channel again after a lost socket, and records the gap', async () => {
    under = await startChannels();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    const before = channelOf(topicOf(0));
    under.simulator.genesys.faults.closeSocket('all');
    await under.when(() => under.covered.some((each) => each.gapId !== undefined));
    expect(channelOf(topicOf(0))).toBe(before);
    expect(
      under.simulator.genesys.requests.filter((each) => each.method === 'POST' && each.path.endsWith('/channels')),
    ).toHaveLength(1);
    const [gap] = await under.gaps.list(10);
    expect(gap).toMatchObject({ topics: 2, reason: expect.stringContaining('closed') });
  });

  it('hands over without a gap when Genesys announces a closing', async () => {
    under = await startChannels();
    under.manager.want(topics(5));
    await under.when(() => coveredTopics().size === 5);
    const before = channelOf(topicOf(0));
    under.simulator.genesys.faults.socketClosing('all');
    await under.simulator.genesys.waitFor(() => {
      const channels = under.simulator.genesys.channels();
      const old = channels.find((each) => each.id === before);
      return old?.connected === false && old.topics.length === 0;
    });
    expect(channelOf(topicOf(0))).not.toBe(before);
    emit(topicOf(4), 'after');
    await under.when(() => marks().includes('after'));
    expect(await under.gaps.list(10)).toEqual([]);
  });

  it('goes on with the same channel when Genesys closes the sockets of new channels again and again', async () => {
    under = await startChannels();
    const { genesys } = under.simulator;
    let announced = 0;
    under.fleet.signals$.subscribe(({ kind }) => (announced += kind === 'closing' ? 1 : 0));
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    for (let round = 1; round <= 3; round++) {
      const old = channelOf(topicOf(0));
      genesys.faults.socketClosing(old);
      await genesys.waitFor(() => genesys.channels().some(({ id, connected }) => id === old && !connected));
    }
    // Waits of ≤ 0, 1 and 2 s are over: the next is some 4 s, and Genesys does not give as much.
    expect(await under.gaps.list(10)).toEqual([]);
    genesys.configure({ closingGraceMs: 50 });
    const last = channelOf(topicOf(0));
    for (let notice = 1; notice <= 5; notice++) genesys.faults.socketClosing(last);
    await under.when(() => under.covered.some((each) => each.gapId !== undefined));
    expect(channelOf(topicOf(0))).toBe(last);
    expect(genesys.channels()).toHaveLength(4);
    expect(announced).toBe(4);
    expect(await under.gaps.list(10)).toMatchObject([{ topics: 3, reason: 'closed with 1001' }]);
    emit(topicOf(2), 'after');
    await under.when(() => marks().includes('after'));
  });

  it('makes a new channel when the old one is gone, and records the gap', async () => {
    under = await startChannels();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    const before = channelOf(topicOf(0));
    under.simulator.genesys.faults.evict(before);
    await under.when(() => under.covered.filter((each) => each.gapId !== undefined).length > 0);
    expect(channelOf(topicOf(1))).not.toBe(before);
    expect(await under.gaps.list(10)).toHaveLength(1);
  });

  it('finds a silent socket by ping and goes on with the same channel', async () => {
    under = await startChannels({ environment: { HEARTBEAT_TIMEOUT_MS: '300', PING_TIMEOUT_MS: '200' } });
    under.manager.want(topics(1));
    await under.when(() => coveredTopics().size === 1);
    const before = channelOf(topicOf(0));
    under.simulator.genesys.faults.silence('all');
    await under.when(() => under.covered.some((each) => each.gapId !== undefined));
    expect(channelOf(topicOf(0))).toBe(before);
  });

  it('spreads 1,500 topics over two channels, and leaves none when nothing is wanted', async () => {
    under = await startChannels({ environment: { CHANNEL_LINGER_MS: '100' } });
    under.manager.want(topics(1_500));
    await under.when(() => coveredTopics().size === 1_500);
    const sizes = under.simulator.genesys.channels().map((each) => each.topics.length);
    expect(sizes.sort((a, b) => b - a)).toEqual([1_000, 500]);
    under.manager.release(topics(1_500));
    await under.simulator.genesys.waitFor(
      () => under.simulator.genesys.channels().every((each) => !each.connected && each.topics.length === 0),
      10_000,
    );
    await under.when(() => under.fleet.current.size === 0);
  });

  it('goes on with the stored channel after a restart', async () => {
    under = await startChannels();
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    const before = channelOf(topicOf(0));
    under.covered.length = 0;
    await under.restart([topicOf(0), topicOf(1), topicOf(7)]);
    await under.when(() => coveredTopics().size === 3);
    await under.simulator.genesys.waitFor(() => !under.simulator.genesys.topics().includes(topicOf(2)));
    expect(under.simulator.genesys.channels()).toHaveLength(1);
    expect(channelOf(topicOf(7))).toBe(before);
    expect((await under.gaps.list(10)).map((gap) => gap.reason)).toContain('restart');
  });

  it('makes no gap of topics that came while the stored channels were coming back', async () => {
    under = await startChannels();
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    const resuming = under.manager.resume(topics(4));
    await resuming;
    await under.when(() => coveredTopics().size === 4);
    expect((await under.gaps.list(10)).map((gap) => gap.topics)).toEqual([2]);
  });

  it('leaves no topic behind on a channel that could not be cleared at once', async () => {
    under = await startChannels();
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    const before = channelOf(topicOf(0));
    // More failures than one call repeats by itself.
    under.simulator.genesys.faults.failRequests({
      count: 5,
      status: 503,
      path: `/${before}/subscriptions`,
      method: 'DELETE',
    });
    under.simulator.genesys.faults.socketClosing('all');
    await under.simulator.genesys.waitFor(
      () => under.simulator.genesys.channels().find((each) => each.id === before)?.topics.length === 0,
      20_000,
    );
    expect(channelOf(topicOf(0))).not.toBe(before);
  });

  it('leaves no topic behind on a channel that only its token ended', async () => {
    under = await startChannels();
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    const before = channelOf(topicOf(0));
    // The socket answers 404 from now on; REST still knows the channel, with a new token.
    under.simulator.genesys.faults.revokeTokens();
    under.manager.want([topicOf(3)]);
    await under.when(() => coveredTopics().size === 4);
    await under.simulator.genesys.waitFor(
      () => under.simulator.genesys.channels().find((each) => each.id === before)?.topics.length === 0,
    );
    expect(channelOf(topicOf(0))).not.toBe(before);
  });

  it('asks by REST when the socket does not answer a subscribe', async () => {
    under = await startChannels({ environment: { SUBSCRIBE_TIMEOUT_MS: '200' } });
    under.simulator.genesys.faults.ignoreSubscribe({ count: 1 });
    under.manager.want(topics(2));
    await under.when(() => coveredTopics().size === 2);
    expect(
      under.simulator.genesys.requests.map(
        (each) => `${each.method} ${each.path.replace(/channels\/[^/]+/, 'channels/{id}')}`,
      ),
    ).toContain('POST /api/v2/notifications/channels/{id}/subscriptions?ignoreErrors=true');
  });

  it('covers the others when Genesys refuses one topic of a batch', async () => {
    under = await startChannels({ simulator: { genesys: { forbiddenTopics: [topicOf(1)] } } });
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 2);
    expect(under.rejected).toEqual([{ topic: topicOf(1), reason: expect.any(String), retryMs: 30_000 }]);
    expect(under.manager.unplacedCount).toBe(1);
  });

  it('finds a topic that Genesys has lost while the socket is well, and subscribes it again', async () => {
    under = await startChannels({ environment: { SUBSCRIPTION_CHECK_S: '1' } });
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    under.simulator.genesys.faults.dropTopic(topicOf(1));
    await under.when(() => under.covered.some((each) => each.gapId !== undefined));
    expect(under.covered.at(-1)?.topics).toEqual([topicOf(1)]);
    expect(under.simulator.genesys.topics()).toHaveLength(3);
    expect(await under.gaps.list(10)).toMatchObject([{ reason: 'subscription missing', topics: 1 }]);
  });

  it('takes over the topics before a channel expires, without a gap', async () => {
    under = await startChannels({ simulator: { genesys: { channelLifeMs: 6_000 } } });
    under.manager.want(topics(3));
    await under.when(() => coveredTopics().size === 3);
    const before = channelOf(topicOf(0));
    await under.when(() => [...under.fleet.current].some((channel) => channel.isDraining));
    await under.when(() => under.fleet.current.size === 1 && ![...under.fleet.current].some((each) => each.isDraining));
    expect(channelOf(topicOf(0))).not.toBe(before);
    expect(await under.gaps.list(10)).toEqual([]);
  });

  it('takes another channel when Genesys says that one is full before we thought so', async () => {
    under = await startChannels({ simulator: { genesys: { maxTopics: 10 } } });
    under.manager.want(topics(8));
    await under.when(() => coveredTopics().size === 8);
    under.manager.want(topics(8, 8));
    await under.when(() => coveredTopics().size === 16);
    expect(under.simulator.genesys.channels()).toHaveLength(2);
    expect(under.rejected).toEqual([]);
  });
});
