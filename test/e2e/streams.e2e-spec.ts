import { randomUUID } from 'node:crypto';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.js';
import type { Environment } from '../../src/config/environment.js';
import { StreamsService } from '../../src/streams/streams.service.js';
import { freshTarget } from '../helpers/databases.js';
import { KEYS } from '../helpers/environment.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';
import { SseClient } from '../helpers/sse-client.js';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('conversation streams over channels', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let clients: SseClient[];
  let id: string;

  async function start(environment: Environment = {}, options: SimulatorOptions = {}): Promise<void> {
    simulator = await startSimulator(options);
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, { CHANNEL_LINGER_MS: '100', ...environment });
  }

  beforeEach(() => {
    clients = [];
    id = randomUUID();
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  async function open(query: Record<string, string>, key: string = KEYS.publish): Promise<SseClient> {
    const client = await SseClient.open(
      `${gateway.url}/conversations/events?${String(new URLSearchParams(query))}`,
      key,
    );
    clients.push(client);
    return client;
  }

  async function watch(query: Record<string, string> = {}): Promise<SseClient> {
    const client = await open({ conversationId: id, ...query });
    await client.ready();
    return client;
  }

  async function refused(query: Record<string, string> | string, key: string = KEYS.publish) {
    const search = typeof query === 'string' ? query : String(new URLSearchParams(query));
    const response = await fetch(`${gateway.url}/conversations/events?${search}`, { headers: { 'x-api-key': key } });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as { code: string; message: string },
    };
  }

  const topicOf = (kind: string): string => `v2.detail.events.conversation.${id}.${kind}`;
  const topics = (): string[] => simulator.genesys.topics().sort();
  const released = (): Promise<unknown> => simulator.genesys.waitFor(() => simulator.genesys.topics().length === 0);

  it('shows the life of a conversation, each event once with its fields', async () => {
    await start();
    const client = await watch();
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-correlation-id': expect.any(String),
    });
    expect(client.retryMs).toBe(3_000);
    expect(client.events[0]).toMatchObject({ data: { transport: 'channels', conversationIds: [id], eventTypes: [] } });
    expect(topics()).toHaveLength(16);
    const { conversations } = simulator.genesys;
    const userId = randomUUID();
    conversations.start({ id, agents: [{ userId }] });
    conversations.setAttributes(id, { caseId: '88' });
    conversations.identify(id);
    conversations.reachOutcome(id);
    conversations.leaveVoicemail(id);
    conversations.finishWork(id, { wrapupCode: 'done', duplicate: 2 });
    await client.when(() => client.types.includes('acw'));
    expect(client.types).toEqual([
      'customer.start', 'flow.start', 'flow.end', 'acd.start', 'acd.end', 'user.start', 'attributes', 'contact', 'flow.outcome',
      'voicemail.start', 'voicemail.end', 'user.end', 'customer.end', 'wrapup', 'acw',
    ]); // prettier-ignore
    const attributes = client.events.find(({ event }) => event === 'attributes');
    expect(attributes).toMatchObject({
      id: expect.stringMatching(/^[\w-]{22}$/),
      data: {
        conversationId: id,
        eventType: 'attributes',
        attributes: { caseId: '88' },
        timestamp: expect.stringMatching(ISO),
      },
    });
    const { data } = client.events.at(-1)!;
    expect(Object.keys(data).slice(0, 3)).toEqual(['conversationId', 'eventType', 'timestamp']);
    expect(data).toMatchObject({ eventType: 'acw', userId, wrapupCode: 'done' });
    expect(new Date(data.eventTime).toISOString()).toBe(data.timestamp);
    conversations.start({ id: randomUUID() });
    const other = randomUUID();
    conversations.start({ id: other, direction: 'OUTBOUND' });
    expect(client.types).toHaveLength(15);
  });

  it('keeps a topic while one of two watchers is there, and unsubscribes with the last', async () => {
    await start();
    const [first, second] = [await watch({ eventType: 'wrapup' }), await watch({ eventType: 'wrapup,user.end' })];
    expect(topics()).toEqual([topicOf('user.end'), topicOf('wrapup')]);
    await second.close();
    await simulator.genesys.waitFor(() => topics().join() === topicOf('wrapup'));
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'one' });
    await first.when(() => first.types.includes('wrapup'));
    await first.close();
    await released();
    await simulator.genesys.waitFor(() => simulator.genesys.channels().every((channel) => !channel.connected));
  });

  it('captures an interaction once while it is watched, and lets its topic be as long as either needs it', async () => {
    await start();
    const client = await watch({ eventType: 'acw' });
    const accept = async (customerId: string): Promise<string> => {
      const answer = gateway.call('post', '/customers/supportInteraction').send({ conversationId: id, customerId });
      return (await answer.expect(202)).body.id as string;
    };
    const becomes = async (interaction: string, status: string): Promise<void> => {
      const statusNow = async (): Promise<unknown> =>
        (await gateway.call('get', `/customers/supportInteraction/${interaction}`).expect(200)).body.status;
      for (let tries = 0; (await statusNow()) !== status; tries += 1)
        if (tries > 500) throw new Error(`never ${status}`);
    };
    const first = await accept('C-1');
    // Its topic was covered already, so that nothing new tells that it is listened for.
    await becomes(first, 'listening');
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'one', duplicate: true });
    await simulator.history.waitFor(() => simulator.history.records.size === 1);
    await becomes(first, 'delivered');
    await client.when(() => client.types.length === 1);
    expect(topics()).toEqual([topicOf('acw')]);

    const second = await accept('C-2');
    await becomes(second, 'listening');
    await client.close();
    await gateway.call('get', '/health').expect(200);
    expect(topics()).toEqual([topicOf('acw')]);
    simulator.genesys.conversations.reopen(id);
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'two' });
    await simulator.history.waitFor(() => simulator.history.records.size === 2);
    await released();
    expect(simulator.history.received).toHaveLength(2);
    expect([...simulator.history.received].map(({ body }) => (body as { obtainedBy: string }).obtainedBy)).toEqual([
      'event',
      'event',
    ]);
  });

  it('gives the types and fields that were asked for', async () => {
    await start();
    const client = await watch({
      eventType: 'acw,attributes',
      include: 'wrapupCode,wrapupNotes,attributes',
      exclude: 'wrapupNotes',
    });
    const other = await watch({ include: '*', exclude: 'ani,dnis,attributes.secret' });
    simulator.genesys.conversations.start({ id });
    simulator.genesys.conversations.setAttributes(id, { caseId: '88', secret: 'x' });
    simulator.genesys.conversations.finishWork(id, { wrapupCode: 'done', wrapupNotes: 'private' });
    await client.when(() => client.types.length === 2);
    const base = { conversationId: id, timestamp: expect.stringMatching(ISO) };
    expect(client.events.slice(1).map(({ data }) => data)).toEqual([
      { ...base, eventType: 'attributes', attributes: { caseId: '88', secret: 'x' } },
      { ...base, eventType: 'acw', wrapupCode: 'done' },
    ]);
    await other.when(() => other.types.includes('acw'));
    const all = other.events.slice(1).map(({ data }) => data);
    expect(all.find(({ eventType }) => eventType === 'attributes').attributes).toEqual({ caseId: '88' });
    expect(all.some((data) => 'ani' in data || 'dnis' in data)).toBe(false);
  });

  it('says what is wrong with a request, and lists wrong ids', async () => {
    await start();
    const uuids = Array.from({ length: 51 }, () => randomUUID()).join(',');
    for (const [query, message] of [
      ['', /^conversationId is required: Genesys has topics of single conversations only/],
      [`conversationId=abc,${id},x-1`, /^conversationId must be UUIDs, such as \S+, not "abc", "x-1"$/],
      [`conversationId=abc&conversationId=x-1`, /not "abc", "x-1"$/],
      [`conversationId=${uuids}`, /^conversationId names 51; the limit is 50$/],
      [
        `conversationId=${id}&eventType=acw,MessageAdded`,
        /^eventType must be of acd\.end, .*wrapup; not "MessageAdded"$/,
      ],
      [`conversationId=${id}&include=a..b`, /^include must name fields/],
      [`conversationId=${id}&colour=red`, /^colour is not a known field/],
      [`conversationId=${id}&include=a..b&exclude=%20b.`, /include must .*; exclude must /],
    ] as const) {
      const { status, body } = await refused(query);
      expect({ query, status, code: body.code }).toEqual({ query, status: 400, code: 'request.invalid' });
      expect(body.message).toMatch(message);
    }
    expect(await refused(`conversationId=${id}`, KEYS.intake)).toMatchObject({ status: 403 });
    const head = await fetch(`${gateway.url}/conversations/events?conversationId=${id}`, {
      method: 'HEAD',
      headers: { 'x-api-key': KEYS.admin },
    });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(gateway.app.get(StreamsService).count).toBe(0);
    expect(topics()).toEqual([]);
  });

  it('takes several conversations in one stream, in whatever spelling', async () => {
    await start();
    const other = randomUUID();
    const client = await open(
      { conversationId: `${id.toUpperCase()}, ${other},${id}`, eventType: 'wrapup' },
      KEYS.admin,
    );
    await client.ready();
    expect(topics()).toHaveLength(2);
    simulator.genesys.conversations.finishWork(other);
    simulator.genesys.conversations.finishWork(id);
    await client.when(() => client.types.length === 2);
    expect(client.events.slice(1).map(({ data }) => data.conversationId)).toEqual([other, id]);
  });

  it('has limits per key and in all', async () => {
    const keys = Array.from({ length: 6 }, (_, n) => `stream-key-0123456789abc-${n}`);
    await start({ API_KEYS: keys.map((key, n) => `watcher${n}:publish:${key}`).join(',') });
    const query = { conversationId: id, eventType: 'acw' };
    for (const key of keys.slice(0, 5)) {
      for (let n = 0; n < 20; n += 1) await open(query, key);
      const many = await refused(query, key);
      expect(many).toMatchObject({ status: 429, body: { code: 'streams.too-many' } });
      expect(many.body.message).toMatch(/^The key "watcher\d" has 20 conversation streams open, the limit;/);
    }
    const full = await refused(query, keys[5]);
    expect(full).toMatchObject({ status: 503, body: { code: 'streams.full' } });
    expect(full.headers.get('retry-after')).toBe('1');
    const service = gateway.app.get(StreamsService);
    expect(service.count).toBe(100);
    await clients.pop()!.close();
    for (let tries = 0; service.count === 100 && tries < 1_000; tries += 1) await new Promise(setImmediate);
    await open(query, keys[5]);
    expect(topics()).toEqual([topicOf('acw')]);
  });

  it('uses a tenth of the topics at most', async () => {
    await start({ CHANNEL_MAX_TOPICS: '100', CHANNEL_MAX_COUNT: '2' });
    const client = await watch();
    const capacity = await refused({ conversationId: randomUUID() });
    expect(capacity).toMatchObject({ status: 503, body: { code: 'streams.capacity' } });
    expect(capacity.body.message).toMatch(/^This stream needs 16 more topics at Genesys; streams use 16 of the 20/);
    // The same conversation needs no more, and four more topics fit.
    await watch({ eventType: 'acw' });
    await (await open({ conversationId: randomUUID(), eventType: 'acw,wrapup,user.start,user.end' })).ready();
    await client.close();
    await simulator.genesys.waitFor(() => topics().length === 5);
    await (await open({ conversationId: randomUUID(), eventType: 'acw,wrapup,user.start,user.end' })).ready();
    expect(gateway.app.get(StreamsService).count).toBe(3);
  });

  it('ends the stream of a reader that is too slow, and says so; others are not held up', async () => {
    await start();
    const [slow, fast] = [await watch({ eventType: 'attributes' }), await watch({ eventType: 'attributes' })];
    slow.response.pause();
    const text = 'x'.repeat(16_000);
    const count = 1_500;
    for (let n = 0; n < count; n += 50) {
      for (let each = n; each < n + 50; each += 1)
        simulator.genesys.conversations.setAttributes(id, { n: String(each), text });
      await fast.when(() => fast.types.length >= n + 50);
    }
    expect(fast.types.filter((type) => type === 'attributes')).toHaveLength(count);
    slow.response.resume();
    await slow.ended;
    const last = slow.events.at(-1);
    expect(last).toMatchObject({ event: 'error', data: { code: 'streams.too-slow' } });
    expect(last?.data.message).toMatch(/more than 1000 events or 1024 KiB waited/);
    const received = slow.events
      .filter(({ event }) => event === 'attributes')
      .map(({ data }) => Number(data.attributes.n));
    expect(received.length).toBeLessThan(count);
    // What it did get is the beginning, without a hole.
    expect(received).toEqual(Array.from(received, (_, index) => index));
  });

  it('tells when events may have been missed, and gives an event of a hand-over once', async () => {
    await start();
    const client = await watch({ eventType: 'wrapup' });
    simulator.genesys.faults.closeSocket('all');
    await client.when(() => client.events.some(({ event }) => event === 'stream.missed'));
    expect(client.events.at(-1)?.data).toEqual({ conversationIds: [id], message: expect.stringContaining('missing') });
    const body = { eventTime: Date.now(), conversationId: id, wrapupCode: 'a' };
    for (const code of ['a', 'a', 'b', 'a']) {
      simulator.genesys.registry.publish(topicOf('wrapup'), { ...body, wrapupCode: code });
    }
    await client.when(() => client.types.length >= 2);
    simulator.genesys.registry.publish(topicOf('wrapup'), { ...body, wrapupCode: 'end' });
    await client.when(() => client.events.at(-1)?.data.wrapupCode === 'end');
    expect(client.types).toHaveLength(3);
  });

  it('tells of a type that Genesys refuses, and follows the others', async () => {
    await start({}, { genesys: { forbiddenTopics: ['*.wrapup'] } });
    const client = await watch({ eventType: 'wrapup,acw' });
    const refusal = client.events.find(({ event }) => event === 'stream.refused');
    expect(refusal?.data).toEqual({
      conversationId: id,
      eventType: 'wrapup',
      message: expect.stringContaining('permission'),
    });
    simulator.genesys.conversations.finishWork(id);
    await client.when(() => client.types.includes('acw'));
  });

  it('lives through bodies that are none', async () => {
    await start();
    const client = await watch({ eventType: 'contact' });
    for (const body of [
      null,
      'text',
      7,
      [],
      { eventTime: 'soon', conversationId: 'other', eventType: 'x\nevent: y' },
    ]) {
      simulator.genesys.registry.publish(topicOf('contact'), body);
    }
    await client.when(() => client.types.length === 1);
    expect(client.events.at(-1)).toMatchObject({
      event: 'contact',
      data: { conversationId: id, eventType: 'contact', timestamp: expect.stringMatching(ISO), eventTime: 'soon' },
    });
  });

  it('ends with the instance, and takes no new streams then', async () => {
    await start();
    const client = await watch({ eventType: 'acw' });
    const began = performance.now();
    const stopping = gateway.stop();
    await client.ended;
    await stopping;
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(client.events.at(-1)).toMatchObject({ event: 'error', data: { code: 'shutdown.in-progress' } });
    expect(client.response.complete).toBe(true);
  });
});
