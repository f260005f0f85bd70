import { acwTopic, Client } from './client.js';

const HOUR = 3_600_000;

describe('life of channels', () => {
  let client: Client;
  beforeEach(async () => void (client = await Client.start()));
  afterEach(() => client.stop());

  const exists = async (id: string): Promise<boolean> =>
    (await client.api('HEAD', `/notifications/channels/${id}`)).status === 200;
  /** Two channels made in one millisecond would have been used at the same time. */
  const makeMany = async (count: number): Promise<string[]> => {
    const ids = [];
    for (let n = 0; n < count; n += 1) {
      ids.push((await client.channel()).id);
      client.simulator.clock.advance(10);
    }
    return ids;
  };

  it('removes the one used longest ago when the 21st is made, and tells the creator nothing', async () => {
    const ids = await makeMany(20);
    await client.subscribe(ids[0]!, [acwTopic('a')]);
    expect((await client.api('POST', '/notifications/channels')).status).toBe(200);
    expect(client.simulator.genesys.channels()).toHaveLength(20);
    expect(await exists(ids[0]!)).toBe(true);
    expect(await exists(ids[1]!)).toBe(false);
  });

  it('removes those without a connection first', async () => {
    const { channel: oldest } = await client.channelWithSocket();
    client.simulator.clock.advance(10);
    const ids = await makeMany(19);
    await client.channel();
    expect(await exists(oldest.id)).toBe(true);
    expect(await exists(ids[0]!)).toBe(false);
  });

  it('tells the evicted socket and closes it; the channel is gone for everything', async () => {
    client.simulator.genesys.configure({ maxChannels: 1 });
    const { channel, socket } = await client.channelWithSocket();
    await client.subscribe(channel.id, [acwTopic('a')]);
    await client.channel();
    await socket.closed;
    expect(socket.topics()).toEqual([`v2.system.no_longer_subscribed.${channel.id}`]);
    expect(await exists(channel.id)).toBe(false);
    expect((await client.subscribe(channel.id, [acwTopic('a')])).status).toBe(404);
    await expect(client.connect(channel.connectUri)).rejects.toMatchObject({ status: 404 });
    expect(client.simulator.genesys.conversations.finishWork('a').sentTo).toEqual([]);
  });

  it('can evict without a word', async () => {
    client.simulator.genesys.configure({ maxChannels: 1, evictionNotice: false });
    const { socket } = await client.channelWithSocket();
    await client.channel();
    await socket.closed;
    expect(socket.texts).toEqual([]);
  });

  it('ends after 24 hours on the simulated clock and closes the socket', async () => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.genesys.configure({ tokenLifeS: 400_000 });
    client.useToken(await client.newToken());
    client.simulator.clock.advance(24 * HOUR - 60_000);
    expect(await exists(channel.id)).toBe(true);
    client.simulator.clock.advance(60_000);
    await socket.closed;
    expect(await exists(channel.id)).toBe(false);
    await expect(client.connect(channel.connectUri)).rejects.toMatchObject({ status: 404 });
  });

  it.each(['POST', 'PUT', 'socket'])('lives 24 hours more when topics are subscribed again by %s', async (way) => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.clock.advance(23 * HOUR);
    if (way === 'socket') await socket.ask({ message: 'subscribe', topics: [acwTopic('a')] });
    else await client.subscribe(channel.id, [acwTopic('a')], { method: way });
    const [view] = client.simulator.genesys.channels();
    expect(view!.expiresAt - view!.createdAt).toBeGreaterThanOrEqual(47 * HOUR);
    client.simulator.clock.advance(23 * HOUR);
    expect(client.simulator.genesys.channels()).toHaveLength(1);
    client.simulator.clock.advance(HOUR);
    expect(client.simulator.genesys.channels()).toHaveLength(0);
  });

  it('answers 404 on the socket once the token that made the channel has ended; another token still sees the channel', async () => {
    const { channel, socket } = await client.channelWithSocket();
    client.simulator.clock.advance(20 * HOUR);
    await client.subscribe(channel.id, [acwTopic('a')]);
    client.simulator.clock.advance(5 * HOUR);
    expect((await client.api('GET', '/notifications/channels')).status).toBe(401);
    client.useToken(await client.newToken());
    expect(await socket.ask({ message: 'subscribe', topics: [acwTopic('b')] })).toMatchObject({
      result: '404',
      status: 'error',
    });
    expect(await exists(channel.id)).toBe(true);
    client.simulator.genesys.configure({ channelsDieWithToken: true });
    expect(await exists(channel.id)).toBe(false);
  });
});
