import { acwTopic, Client } from './client.js';

describe('Genesys faults', () => {
  let client: Client;
  beforeEach(async () => void (client = await Client.start()));
  afterEach(() => client.stop());

  it('ends a socket abruptly, or with a code; the channel stays', async () => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.genesys.faults.closeSocket(channel.id);
    expect(await socket.closed).toBe(1006);
    const again = await client.connect(channel.connectUri);
    client.simulator.genesys.faults.closeSocket('all', { code: 1012 });
    expect(await again.closed).toBe(1012);
    expect((await client.api('HEAD', `/notifications/channels/${channel.id}`)).status).toBe(200);
  });

  it('silences a socket: no heartbeat, pong, event or closing answer, and TCP stays', async () => {
    const { genesys } = client.simulator;
    const { channel, socket } = await client.channelWithSocket();
    const { socket: witness } = await client.channelWithSocket();
    await client.subscribe(channel.id, [acwTopic('a')]);
    genesys.faults.silence(channel.id);
    genesys.configure({ heartbeatMs: 5 });
    let pongs = 0;
    socket.ws.on('pong', () => (pongs += 1));
    socket.send({ message: 'ping' });
    socket.ws.ping();
    socket.send({ message: 'subscribe', topics: [acwTopic('b')] });
    const missed: unknown[] = [];
    genesys.on('event-missed', ({ topic, reason }) => missed.push([topic, reason]));
    genesys.conversations.finishWork('a');
    expect(missed).toContainEqual([acwTopic('a'), 'silent']);
    await witness.next(() => witness.texts.length >= 5);
    expect([socket.texts, pongs, socket.ws.readyState]).toEqual([[], 0, 1]);
    expect(genesys.topics()).toEqual([acwTopic('a')]);
    socket.ws.terminate();
    await genesys.waitFor(() => genesys.channels().filter((view) => view.connected).length === 1);
    const again = await client.connect(channel.connectUri);
    await again.settle();
  });

  it('announces maintenance and closes after the grace; a new socket on the channel is let be', async () => {
    const { genesys, clock } = client.simulator;
    const { channel, socket } = await client.channelWithSocket();
    const { socket: stubborn } = await client.channelWithSocket();
    genesys.faults.socketClosing('all');
    expect(await socket.next(() => true)).toMatchObject({
      topicName: 'v2.system.socket_closing',
      eventBody: { channelId: channel.id },
    });
    const again = await client.connect(channel.connectUri);
    await socket.closed;
    clock.advance(59_000);
    await stubborn.settle();
    clock.advance(1_000);
    await stubborn.closed;
    await again.settle();
  });

  it('evicts a channel on demand', async () => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.genesys.faults.evict(channel.id, { notice: false });
    await socket.closed;
    expect(socket.texts).toEqual([]);
    expect((await client.api('HEAD', `/notifications/channels/${channel.id}`)).status).toBe(404);
    expect(() => client.simulator.genesys.faults.evict(channel.id)).toThrow(/There is no channel/);
  });

  it('says no_longer_subscribed and leaves a socket that knows only 404', async () => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.genesys.faults.noLongerSubscribed(channel.id);
    await socket.next((message) => message.topicName === `v2.system.no_longer_subscribed.${channel.id}`);
    expect(await socket.ask({ message: 'subscribe', topics: [acwTopic('a')] })).toMatchObject({ result: '404' });
    expect((await client.api('HEAD', `/notifications/channels/${channel.id}`)).status).toBe(404);
  });

  it('revokes tokens: 401, 404 on sockets, and a notice if wanted', async () => {
    const { genesys } = client.simulator;
    const { channel, socket } = await client.channelWithSocket();
    expect(genesys.faults.revokeTokens({ notice: true })).toBe(1);
    await socket.next((message) => message.topicName === `v2.system.token_revoked.${channel.id}`);
    expect((await client.api('GET', '/notifications/channels')).body).toMatchObject({
      status: 401,
      code: 'bad.credentials',
    });
    expect(await socket.ask({ message: 'subscribe', topics: [acwTopic('a')] })).toMatchObject({ result: '404' });
    client.useToken(await client.newToken());
    expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
  });

  it('limits the next requests, of one path if wanted', async () => {
    const { faults } = client.simulator.genesys;
    faults.rateLimit({ count: 2, retryAfterS: 7200, path: '/conversations/' });
    expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
    for (let n = 0; n < 2; n += 1) {
      const answer = await client.api('GET', '/conversations/x');
      expect([answer.status, answer.headers.get('retry-after'), answer.body.code]).toEqual([
        429,
        '7200',
        'too.many.requests.retry.after',
      ]);
    }
    expect((await client.api('GET', '/conversations/x')).status).toBe(404);
  });

  it('fails the next requests, but those for tokens only when named', async () => {
    const { faults } = client.simulator.genesys;
    faults.failRequests({ status: 503, retryAfterS: 3 });
    await client.newToken();
    const failed = await client.api('POST', '/notifications/channels');
    expect([failed.status, failed.headers.get('retry-after'), failed.body.code]).toEqual([
      503,
      '3',
      'service.unavailable',
    ]);
    expect(client.simulator.genesys.channels()).toEqual([]);
    faults.failRequests({ status: 500, path: '/oauth/token' });
    expect((await client.form({ grant_type: 'client_credentials' })).status).toBe(500);
    faults.failRequests({ status: 500, method: 'PUT', count: 5 });
    expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
    faults.clear();
  });

  it('drops connections before or after the work, and delays', async () => {
    const { genesys } = client.simulator;
    genesys.faults.failRequests({ dropConnection: true });
    await expect(client.api('POST', '/notifications/channels')).rejects.toThrow();
    expect(genesys.channels()).toHaveLength(0);
    genesys.faults.failRequests({ dropConnection: 'after' });
    await expect(client.api('POST', '/notifications/channels')).rejects.toThrow();
    expect(genesys.channels()).toHaveLength(1);
    expect(genesys.requests.slice(-2).map((request) => request.status)).toEqual([0, 0]);
    genesys.faults.failRequests({ delayMs: 15 });
    const start = performance.now();
    expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThanOrEqual(14);
  });

  it('refuses upgrades', async () => {
    const { connectUri } = await client.channel();
    client.simulator.genesys.faults.refuseUpgrade({ count: 1, status: 429, retryAfterS: 9 });
    await expect(client.connect(connectUri)).rejects.toMatchObject({ status: 429, headers: { 'retry-after': '9' } });
    await (await client.connect(connectUri)).settle();
  });

  it('ignores subscribe requests', async () => {
    const { genesys } = client.simulator;
    const { socket } = await client.channelWithSocket();
    genesys.faults.ignoreSubscribe({ count: 1 });
    socket.send({ message: 'subscribe', topics: [acwTopic('a')], correlationId: 'lost' });
    await socket.settle();
    expect([genesys.topics(), socket.texts.length]).toEqual([[], 1]);
    expect(await socket.ask({ message: 'subscribe', topics: [acwTopic('a')] })).toMatchObject({ result: '200' });
  });

  it('answers late', async () => {
    const { socket } = await client.channelWithSocket();
    client.simulator.genesys.faults.slowReplies(60_000);
    socket.send({ message: 'ping' });
    await client.simulator.genesys.waitFor(() =>
      client.simulator.genesys.frames.some((frame) => frame.direction === 'in'),
    );
    client.simulator.genesys.faults.slowReplies(0);
    expect(await socket.ask({ message: 'subscribe', topics: [acwTopic('a')] })).toMatchObject({ result: '200' });
    expect(socket.texts).toHaveLength(1);
    client.simulator.clock.advance(60_000);
    await socket.next((message) => message.eventBody?.message === 'pong');
  });

  it('sends what it is told to', async () => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.genesys.faults.sendRaw(channel.id, '{"topicName":');
    client.simulator.genesys.faults.sendRaw('all', Buffer.from([1, 2]));
    await new Promise<void>((resolve) =>
      socket.ws.once('message', (_data, isBinary) =>
        isBinary ? resolve() : socket.ws.once('message', () => resolve()),
      ),
    );
    expect(socket.texts[0]).toBe('{"topicName":');
  });

  it('drops a subscription silently', async () => {
    const { genesys } = client.simulator;
    const { channel, socket } = await client.channelWithSocket();
    await client.subscribe(channel.id, [acwTopic('a'), acwTopic('b')]);
    genesys.faults.dropTopic(acwTopic('a'));
    expect([genesys.topics(), genesys.conversations.finishWork('a').sentTo]).toEqual([[acwTopic('b')], []]);
    await socket.settle();
    expect(socket.texts).toHaveLength(1);
  });

  it('waits for a state, and says what did not come', async () => {
    const { genesys } = client.simulator;
    const waiting = genesys.waitFor(() => genesys.channels().length === 1);
    await client.channel();
    await waiting;
    await expect(genesys.waitFor(() => genesys.channels().length === 7, 5)).rejects.toThrow(/length === 7/);
  });
});
