import { randomUUID } from 'node:crypto';
import { acwTopic, Client, type Wire } from './client.js';

describe('control API', () => {
  let client: Client;
  beforeEach(async () => void (client = await Client.start()));
  afterEach(() => client.stop());

  it('lists what it can do, each operation with its fields', async () => {
    const { status, body } = await client.control('GET', '/');
    expect(status).toBe(200);
    expect(body.operations).toContainEqual({
      operation: 'POST /genesys/faults/rate-limit',
      summary: 'The next requests get 429',
      fields: ['count?', 'retryAfterS?', 'path?'],
    });
    expect(body.operations).toContainEqual(
      expect.objectContaining({ operation: 'POST /genesys/faults/drop-topic', fields: ['topic'] }),
    );
  });

  it('answers every listed operation that only reads', async () => {
    const { body } = await client.control('GET', '/');
    const reads = body.operations
      .map((entry: Wire) => entry.operation)
      .filter((entry: string) => entry.startsWith('GET ') && !entry.includes(':id'));
    expect(reads.length).toBeGreaterThan(10);
    for (const read of reads) expect([read, (await client.control('GET', read.slice(4))).status]).toEqual([read, 200]);
  });

  it('plays a conversation', async () => {
    const { channel, socket } = await client.channelWithSocket();
    const [id, userId] = [randomUUID(), randomUUID()];
    const at = `/genesys/conversations/${id}`;
    await client.subscribe(channel.id, [acwTopic(id)]);
    expect((await client.control('POST', '/genesys/conversations', { id, agents: [{ userId }] })).body).toMatchObject({
      id,
    });
    expect((await client.control('POST', '/genesys/conversations', { id })).status).toBe(400);
    expect((await client.control('POST', `${at}/transfer`, { to: {} })).body.from).toMatchObject({
      userId,
      disconnectType: 'TRANSFER',
    });
    expect((await client.control('POST', `${at}/provisional-wrapup`, { userId, wrapupCode: 'draft' })).status).toBe(
      200,
    );
    const finished = await client.control('POST', `${at}/finish-work`, { userId, wrapupCode: 'code' });
    expect(finished.body).toMatchObject({ userId, sentTo: [channel.id], event: { wrapupCode: 'code' } });
    expect((await client.control('POST', `${at}/end-leg`)).status).toBe(200);
    expect((await client.control('POST', `${at}/time-out-work`)).body.event.wrapupCode).toBe('ININ-WRAP-UP-TIMEOUT');
    expect((await client.control('POST', `${at}/resend`)).body.sentTo).toHaveLength(2);
    expect((await client.control('POST', `${at}/reopen`, {})).status).toBe(200);
    expect((await client.control('POST', `${at}/skip-work`)).status).toBe(200);
    expect((await client.control('GET', at)).body.participants).toHaveLength(5);
    await socket.settle();
    expect(socket.topics().filter((topic) => topic === acwTopic(id))).toHaveLength(4);
    expect((await client.control('GET', '/genesys/conversations')).body).toMatchObject({ total: 1 });
    expect((await client.control('GET', `/genesys/conversations/${randomUUID()}`)).status).toBe(404);
    expect((await client.control('POST', `/genesys/conversations/${randomUUID()}/reopen`)).status).toBe(404);
  });

  it('orders every Genesys fault, and refuses unknown channels', async () => {
    const { channel } = await client.channelWithSocket();
    const order = async (name: string, body?: unknown): Promise<number> =>
      (await client.control('POST', `/genesys/faults/${name}`, body)).status;
    const channelId = channel.id;
    const faults: [string, unknown?][] = [
      ['slow-replies', { ms: 5 }], ['ignore-subscribe'], ['refuse-upgrade', { status: 503 }], ['rate-limit', { retryAfterS: 5 }],
      ['fail-requests', { dropConnection: 'after', path: '/x' }], ['send-raw', { text: 'x' }], ['drop-topic', { topic: 'x' }],
      ['socket-closing', { channelId }], ['silence', { channelId }], ['close-socket', { channelId, code: 1012 }], ['revoke-tokens', { notice: true }],
      ['evict', { channelId }],
    ]; // prettier-ignore
    for (const [name, body] of faults) expect([name, await order(name, body)]).toEqual([name, 200]);
    expect(await order('no-longer-subscribed', { channelId })).toBe(404);
    expect(await order('no-longer-subscribed')).toBe(200);
    expect((await client.control('DELETE', '/genesys/faults')).status).toBe(200);
  });

  it('changes options without resetting the others, and refuses unknown and bad ones', async () => {
    await client.control('PATCH', '/genesys/options', { maxTopics: 5 });
    const { body } = await client.control('PATCH', '/genesys/options', { heartbeatMs: 77 });
    expect(body).toMatchObject({ maxTopics: 5, heartbeatMs: 77, maxChannels: 20 });
    expect(await client.control('PATCH', '/genesys/options', { speed: 1 })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('speed') },
    });
    expect((await client.control('PATCH', '/genesys/options', { maxTopics: 0 })).status).toBe(400);
    expect((await client.control('PATCH', '/history/options', { token: 't' })).body).toEqual({
      token: 't',
      repeatStatus: 409,
    });
  });

  it('drives the history', async () => {
    const { control } = { control: client.control.bind(client) };
    await control('POST', '/history/faults/fail', { status: 503, count: 1 });
    expect((await client.record('k', { a: 1 })).status).toBe(503);
    for (const [name, body] of [
      ['hang', {}],
      ['slow-body', {}],
      ['endless-body', {}],
      ['reset-after-body', { store: false }],
      ['redirect', { to: 'http://x/' }],
    ] as const) {
      expect((await control('POST', `/history/faults/${name}`, body)).status).toBe(200);
    }
    await control('DELETE', '/history/faults');
    await client.record('k', { a: 1 });
    expect((await control('GET', '/history/records')).body).toEqual({
      total: 1,
      entries: [{ key: 'k', body: { a: 1 } }],
    });
    expect((await control('GET', '/history/received?limit=1')).body).toMatchObject({
      total: 2,
      entries: [{ status: 201 }],
    });
  });

  it('moves the clock, forward only', async () => {
    await client.channel();
    const before = (await client.control('GET', '/clock')).body.now;
    const { body } = await client.control('POST', '/clock/advance', { ms: 24 * 3_600_000 });
    expect(body.now - before).toBeGreaterThanOrEqual(24 * 3_600_000);
    expect(client.simulator.genesys.channels()).toEqual([]);
    expect((await client.control('POST', '/clock/advance', { ms: -1 })).status).toBe(400);
    expect((await client.control('POST', '/clock/advance')).status).toBe(400);
  });

  it('lists requests without credentials, and frames', async () => {
    const { channel, socket } = await client.channelWithSocket();
    await socket.settle();
    const requests = await client.control('GET', '/genesys/requests');
    expect(requests.text).not.toMatch(/Bearer [A-Za-z0-9]|ZGVtby1jbGllbnQ/);
    expect(requests.body.entries.map((entry: Wire) => [entry.method, entry.path, entry.status])).toEqual([
      ['POST', '/oauth/token', 200],
      ['POST', '/api/v2/notifications/channels', 200],
      ['GET', `/channels/${channel.id}`, 101],
    ]);
    expect((await client.control('GET', '/genesys/requests?path=oauth&limit=1')).body.total).toBe(1);
    const frames = await client.control('GET', `/genesys/frames?channelId=${channel.id}&direction=in`);
    expect(frames.body).toMatchObject({ total: 1, entries: [{ text: '{"message":"ping"}' }] });
  });

  it('counts, and forgets on demand', async () => {
    const { socket } = await client.channelWithSocket();
    await client.record('k', {});
    const counts = { channels: 1, connected: 1, tokens: 1, requests: 3 };
    expect((await client.control('GET', '/state')).body).toMatchObject({
      genesys: counts,
      history: { records: 1, received: 1, repeats: 0 },
    });
    await client.control('DELETE', '/state');
    await socket.closed;
    const after = (await client.control('GET', '/state')).body;
    expect(after).toMatchObject({
      genesys: { channels: 0, requests: 0, tokens: 1 },
      history: { records: 0, received: 0 },
    });
    expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
  });

  it('says what is wrong with a request', async () => {
    const unknown = await client.control('POST', '/genesys/faults/earthquake', {});
    expect(unknown).toMatchObject({ status: 404, body: { message: expect.stringContaining('GET / lists') } });
    const bad = await client.control('POST', '/genesys/faults/rate-limit', { count: 0, often: true });
    expect(bad.status).toBe(400);
    expect(bad.body.message).toMatch(/count[\s\S]*often|often[\s\S]*count/);
  });
});
