import { acwTopic, Client, rfcPong } from './client.js';

describe('socket protocol', () => {
  let client: Client;
  beforeEach(async () => void (client = await Client.start()));
  afterEach(() => client.stop());

  it('sends heartbeats without version and metadata', async () => {
    client.simulator.genesys.configure({ heartbeatMs: 10 });
    const { socket } = await client.channelWithSocket();
    const beat = await socket.next((message) => message.topicName === 'channel.metadata');
    expect(beat).toEqual({ topicName: 'channel.metadata', eventBody: { message: 'WebSocket Heartbeat' } });
  });

  it('starts a new rhythm on open sockets when it is configured', async () => {
    const { socket } = await client.channelWithSocket();
    client.simulator.genesys.configure({ heartbeatMs: 10 });
    await socket.next((message) => message.eventBody?.message === 'WebSocket Heartbeat');
  });

  it('answers a ping message, and a ping frame', async () => {
    const { socket } = await client.channelWithSocket();
    socket.send({ message: 'ping' });
    expect(await socket.next(() => true)).toEqual({ topicName: 'channel.metadata', eventBody: { message: 'pong' } });
    await rfcPong(socket);
  });

  it('subscribes and unsubscribes, with a string as result and no topicName', async () => {
    const { channel, socket } = await client.channelWithSocket();
    const topics = [acwTopic('a'), acwTopic('b')];
    const subscribed = await socket.ask({ message: 'subscribe', topics });
    expect(subscribed).toEqual({
      correlationId: expect.any(String),
      topics,
      result: '200',
      status: 'subscribed',
      message: expect.any(String),
    });
    expect(client.simulator.genesys.channels()).toEqual([
      expect.objectContaining({ id: channel.id, connected: true, topics }),
    ]);
    const dropped = await socket.ask({ message: 'unsubscribe', topics: [acwTopic('a')] });
    expect(dropped).toMatchObject({ result: '200', status: 'unsubscribed', topics: [acwTopic('a')] });
    expect(client.simulator.genesys.topics()).toEqual([acwTopic('b')]);
    await socket.ask({ message: 'subscribe', topics: [acwTopic('b')] });
    await socket.ask({ message: 'unsubscribe', topics: [acwTopic('b')] });
    expect(client.simulator.genesys.conversations.finishWork('b').sentTo).toEqual([]);
  });

  it.each([[undefined], ['a'], [[]], [[1]]])(
    'answers a subscribe with topics %j as the service was seen to',
    async (topics) => {
      const { socket } = await client.channelWithSocket();
      const reply = await socket.ask({ message: 'subscribe', topics });
      expect(reply).toEqual({
        correlationId: reply.correlationId,
        topics: [],
        result: '400',
        status: 'error',
        message: 'Required data missing from subscribe request.',
      });
    },
  );

  it.each(['Sat Nov 21 2026', '{}', '[]', '42', 'null', '{"message":7}', ''])(
    'survives the text %j and answers an error',
    async (text) => {
      const { socket } = await client.channelWithSocket();
      socket.send(text);
      expect(await socket.next(() => true)).toMatchObject({ result: '400', status: 'error' });
      await socket.settle();
    },
  );

  it('answers an unknown message with an error', async () => {
    const { socket } = await client.channelWithSocket();
    expect(await socket.ask({ message: 'sing' })).toMatchObject({ result: '400', status: 'error' });
  });

  it('refuses forbidden, invalid and too many topics as a whole', async () => {
    const { genesys } = client.simulator;
    genesys.configure({ forbiddenTopics: [acwTopic('bad')], maxTopics: 2 });
    const { socket } = await client.channelWithSocket();
    const ask = (...topics: string[]): Promise<unknown> => socket.ask({ message: 'subscribe', topics });
    expect(await ask(acwTopic('a'), acwTopic('bad'))).toMatchObject({ result: '403', status: 'error', topics: [] });
    expect(await ask(acwTopic('a'), 'nonsense')).toMatchObject({ result: '400', status: 'error', topics: [] });
    expect(await ask(acwTopic('a'), acwTopic('b'), acwTopic('c'))).toMatchObject({
      result: '400',
      message: 'Too many subscriptions',
    });
    expect(genesys.topics()).toEqual([]);
  });

  it('closes the first socket when a second one comes, and sends events to the second', async () => {
    const { channel, socket: first } = await client.channelWithSocket();
    await client.subscribe(channel.id, [acwTopic('a')]);
    const gone = new Promise((resolve) => client.simulator.genesys.once('disconnected', resolve));
    const second = await client.connect(channel.connectUri);
    await Promise.all([first.closed, gone]);
    expect(client.simulator.genesys.channels()[0]?.connected).toBe(true);
    client.simulator.genesys.conversations.finishWork('a');
    await second.next((message) => message.topicName === acwTopic('a'));
    expect(first.texts).toEqual([]);
  });

  it('keeps the subscriptions of a channel without a socket, but not the events', async () => {
    const { genesys } = client.simulator;
    const { channel, socket } = await client.channelWithSocket();
    await client.subscribe(channel.id, [acwTopic('a'), acwTopic('b')]);
    socket.ws.close(1000);
    await genesys.waitFor(() => !genesys.channels()[0]?.connected);
    const missed: unknown[] = [];
    genesys.on('event-missed', ({ topic, reason }) => missed.push([topic, reason]));
    expect(genesys.conversations.finishWork('a').sentTo).toEqual([]);
    expect(missed).toContainEqual([acwTopic('a'), 'no-socket']);
    const again = await client.connect(channel.connectUri);
    expect(genesys.conversations.finishWork('b').sentTo).toEqual([channel.id]);
    await again.settle();
    expect(again.topics()).toEqual([acwTopic('b'), 'channel.metadata']);
  });

  it('sends no event before a subscription has spread', async () => {
    const { genesys, clock } = client.simulator;
    genesys.configure({ subscribeDelayMs: 5_000 });
    const { channel } = await client.channelWithSocket();
    await client.subscribe(channel.id, [acwTopic('a')]);
    expect(genesys.conversations.finishWork('a').sentTo).toEqual([]);
    clock.advance(5_000);
    await client.subscribe(channel.id, [acwTopic('a')]);
    expect(genesys.conversations.finishWork('a').sentTo).toEqual([channel.id]);
  });

  it('sends the events of a combined topic under their own names, once', async () => {
    const { genesys } = client.simulator;
    const { channel, socket } = await client.channelWithSocket();
    await client.subscribe(channel.id, ['v2.detail.events.conversation.a?acw&wrapup', acwTopic('a')]);
    genesys.conversations.finishWork('a');
    await socket.settle();
    expect(socket.topics()).toEqual(['v2.detail.events.conversation.a.wrapup', acwTopic('a'), 'channel.metadata']);
    await client.subscribe(channel.id, [acwTopic('a')], { method: 'PUT' });
    expect(genesys.conversations.finishWork('a').sentTo).toEqual([channel.id]);
  });

  it.each([404, 401] as const)('refuses the upgrade to an unknown channel with %d', async (status) => {
    client.simulator.genesys.configure({ goneUpgradeStatus: status });
    const { connectUri } = await client.channel();
    await expect(client.connect(`${connectUri}x`)).rejects.toMatchObject({ status });
    await expect(client.connect(connectUri.replace('channels', 'elsewhere'))).rejects.toMatchObject({ status });
  });

  it('records frames of both directions', async () => {
    const { channel, socket } = await client.channelWithSocket();
    await socket.settle();
    expect(client.simulator.genesys.frames).toEqual([
      { at: expect.any(Number), channelId: channel.id, direction: 'in', text: '{"message":"ping"}' },
      { at: expect.any(Number), channelId: channel.id, direction: 'out', text: expect.stringContaining('pong') },
    ]);
  });
});
