import { randomUUID } from 'node:crypto';
import type { Subscription } from 'rxjs';
import { startSimulator, type Simulator } from '../../simulator/index.js';
import { AuthModule } from '../../src/auth/auth.module.js';
import { boot, type Booted } from '../../src/auth/testing/boot.js';
import { TokenService } from '../../src/auth/token.service.js';
import { parseEnvironment } from '../../src/config/environment.js';
import type { FeedItem, FollowRequest } from '../../src/streams/conversation-feed.js';
import { DirectFeed } from '../../src/streams/direct/direct.feed.js';
import { DIRECT_TIMINGS, type DirectTimings } from '../../src/streams/direct/direct-state.js';
import { Logs } from '../../src/telemetry/logs.js';
import { freshTarget } from '../helpers/databases.js';
import { gatewayEnvironment, KEYS } from '../helpers/environment.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';
import { SseClient } from '../helpers/sse-client.js';

const PATH = '/api/v2/notifications';
/** Quick, for tests: the proportions stay. */
const QUICK: DirectTimings = { ...DIRECT_TIMINGS, retryBaseMs: 20, retryJitterMs: 10, retryCapMs: 100, stableMs: 30 };

/** What one follower was told. */
class Follower {
  readonly items: FeedItem[] = [];
  private readonly subscription: Subscription;

  constructor(feed: DirectFeed, request: Partial<FollowRequest>) {
    const all = { conversationIds: [], eventTypes: [], include: [], exclude: [], ...request };
    this.subscription = feed.follow(all).subscribe((item) => this.items.push(item));
  }

  get kinds(): string[] {
    return this.items.map(({ kind }) => kind);
  }

  get events() {
    return this.items.flatMap((item) => (item.kind === 'event' ? item.event : []));
  }

  leave(): void {
    this.subscription.unsubscribe();
  }
}

describe('the direct stream', () => {
  let simulator: Simulator;
  let booted: Booted;
  let feed: DirectFeed;
  let id: string;

  async function start(timings: Partial<DirectTimings> = {}, environment = {}): Promise<void> {
    const target = { kind: 'sqlite', file: '/nowhere' } as const;
    const config = parseEnvironment(gatewayEnvironment(simulator, target, environment));
    booted = await boot([AuthModule], config.genesys);
    const { module } = booted;
    feed = new DirectFeed(config, module.get(TokenService), module.get(Logs), { ...QUICK, ...timings });
  }

  beforeEach(async () => {
    id = randomUUID();
    simulator = await startSimulator();
  });

  afterEach(async () => {
    await feed.onModuleDestroy();
    await booted.module.close();
    const tokens = simulator.genesys.tokens.list().map(({ value }) => value);
    await simulator.stop();
    const logged = booted.logged();
    for (const token of tokens) expect(logged).not.toContain(token);
    expect(logged).not.toContain('access_token');
  });

  const { stringify } = JSON;
  const upgrades = () => simulator.genesys.requests.filter(({ path }) => path.startsWith(`${PATH}?`));
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON documents, looked at from outside
  const sent = (): any[] =>
    simulator.genesys.frames.filter(({ direction }) => direction === 'in').map(({ text }) => JSON.parse(text));
  /** Asked again after everything that the simulator does, and after each turn of ours. */
  async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`not so: ${String(condition)} ${stringify(feed.health)}`);
      await new Promise(setImmediate);
    }
  }
  const diagnosed = (code: string): Promise<void> => until(() => feed.health.lastDiagnosis?.code === code);

  it('subscribes at once, gives what is asked for, and ends when nobody follows', async () => {
    await start();
    expect(feed.health).toEqual({ state: 'idle' });
    const follower = new Follower(feed, {
      conversationIds: [id],
      include: ['message.text'],
      exclude: ['statusChanged'],
    });
    await until(() => follower.kinds.includes('ready'));
    const named = ['conversationId', 'eventType', 'timestamp'];
    expect(sent()).toEqual([
      {
        type: 'SubscriptionRequest',
        topics: [
          {
            type: 'ConversationEvent',
            filter: { conversationId: id, include: [...named, 'message.text'], exclude: ['statusChanged'] },
          },
        ],
      },
    ]);
    const { conversations } = simulator.genesys;
    conversations.start({ id });
    conversations.addMessage(randomUUID(), { text: 'elsewhere' });
    conversations.finishWork(id);
    conversations.addMessage(id, { text: 'hello' });
    await until(() => follower.events.some(({ eventType }) => eventType === 'MessageAdded'));
    const types = follower.events.map(({ eventType }) => eventType);
    expect(types).toContain('ConversationUpdated');
    expect(types).not.toContain('StatusChanged');
    expect(follower.events.at(-1)).toMatchObject({
      conversationId: id,
      eventType: 'MessageAdded',
      fields: { message: { text: 'hello' } },
    });
    follower.leave();
    await until(() => feed.health.state === 'idle' && simulator.genesys.direct.connections.length === 0);
  });

  it('has one connection for all, and gives each follower its part', async () => {
    await start();
    const first = new Follower(feed, { conversationIds: [id] });
    await until(() => first.kinds.includes('ready'));
    const all = new Follower(feed, { eventTypes: ['MessageAdded'] });
    const quiet = new Follower(feed, { conversationIds: [id], exclude: ['messageadded'] });
    await until(() => all.kinds.includes('ready') && quiet.kinds.includes('ready'));
    expect(upgrades()).toHaveLength(1);
    expect(sent().at(-1).topics).toEqual([{ type: 'ConversationEvent', filter: { include: ['*'] } }]);
    const other = randomUUID();
    const { conversations } = simulator.genesys;
    conversations.start({ id: other });
    conversations.addMessage(other, { text: 'a' });
    conversations.addMessage(id, { text: 'b' });
    conversations.setAttributes(id, { end: 'yes' });
    await until(() => quiet.events.at(-1)?.fields['attributes'] !== undefined);
    expect(all.events.map(({ conversationId }) => conversationId)).toEqual([other, id]);
    expect(new Set(first.events.map(({ conversationId }) => conversationId))).toEqual(new Set([id]));
    expect(first.events.filter(({ eventType }) => eventType === 'MessageAdded')).toHaveLength(1);
    expect(quiet.events.filter(({ eventType }) => eventType === 'MessageAdded')).toEqual([]);
    all.leave();
    await until(() => sent().at(-1).topics[0].filter.conversationId === id);
    expect(simulator.genesys.direct.connections).toHaveLength(1);
    expect([...first.kinds, ...quiet.kinds].filter((kind) => kind === 'ready')).toHaveLength(2);
  });

  it('connects again with a new token each time, and tells that events may have been missed', async () => {
    await start();
    const follower = new Follower(feed, { conversationIds: [id] });
    for (let round = 1; round <= 3; round += 1) {
      await until(() => feed.health.state === 'stable');
      simulator.genesys.direct.closeAll(round === 2 ? 1001 : undefined);
      await until(() => follower.kinds.filter((kind) => kind === 'missed').length === round);
    }
    const tokens = upgrades().map(({ path }) => new URL(path, 'http://host').searchParams.get('access_token'));
    expect(new Set(tokens).size).toBe(4);
    expect(follower.items.at(-1)).toEqual({ kind: 'missed', conversationIds: [id] });
    expect(feed.health.lastDiagnosis).toBeUndefined();
  });

  it('waits longer each time, until a connection was stable', async () => {
    await start({ retryBaseMs: 40, retryJitterMs: 0, retryCapMs: 10_000, stableMs: 400 });
    simulator.genesys.faults.refuseUpgrade({ count: 3, status: 503 });
    const follower = new Follower(feed, { conversationIds: [id] });
    await until(() => feed.health.state === 'confirmed');
    // Confirmed, but not stable yet: the wait goes on growing.
    simulator.genesys.direct.closeAll();
    await until(() => feed.health.state === 'stable');
    simulator.genesys.direct.closeAll();
    await until(() => upgrades().length === 6);
    const at = upgrades().map((each) => each.at);
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    for (const [index, least] of [40, 80, 160, 320].entries()) expect(waits[index]).toBeGreaterThanOrEqual(least - 2);
    const logged = booted
      .logged()
      .split('\n')
      .filter((line) => line.includes('"to":"waiting"'));
    expect(logged.map((line) => JSON.parse(line).reason)).toEqual(['40 ms', '80 ms', '160 ms', '320 ms', '40 ms']);
    expect(feed.health.lastDiagnosis?.code).toBe('stream.unreachable');
    follower.leave();
  });

  it('tells an outage and its end by a line each, however often it tries', async () => {
    await start();
    simulator.genesys.faults.refuseUpgrade({ count: 20, status: 503 });
    const follower = new Follower(feed, { conversationIds: [id] });
    await until(() => follower.kinds.includes('ready'));
    expect(upgrades()).toHaveLength(21);
    const told = booted
      .logged()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ component, level }) => component === 'direct-stream' && level !== 'debug');
    expect(told.map(({ msg, to, failures }) => [msg, to ?? failures])).toEqual([
      ['direct stream state', 'connecting'],
      ['the direct stream: failing', undefined],
      ['the direct stream: works again', 20],
    ]);
    follower.leave();
  });

  describe('diagnoses', () => {
    it('401: the token is not taken', async () => {
      await start();
      simulator.genesys.faults.refuseUpgrade({ count: 1, status: 401 });
      const follower = new Follower(feed, { conversationIds: [id] });
      await diagnosed('stream.unauthorized');
      expect(feed.health.lastDiagnosis).toEqual({
        code: 'stream.unauthorized',
        message: expect.stringMatching(/invalid, expired or missing.*GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET/),
        at: expect.any(Number),
      });
      await until(() => follower.kinds.includes('ready'));
      expect(booted.logged()).toContain('"code":"stream.unauthorized"');
    });

    it('no token at all', async () => {
      await start({}, { GENESYS_CLIENT_SECRET: 'wrong-one' });
      new Follower(feed, { conversationIds: [id] });
      await diagnosed('stream.no-token');
      expect(upgrades()).toEqual([]);
      expect(feed.health.lastDiagnosis?.message).not.toContain('wrong-one');
    });

    it('closed at once: no request arrived in time', async () => {
      await start();
      simulator.genesys.configure({ directSubscribeWithinMs: 10 });
      // The request is swallowed, as by a proxy that holds messages back.
      simulator.genesys.faults.ignoreSubscribe({ count: 1 });
      const follower = new Follower(feed, { conversationIds: [id] });
      await diagnosed('stream.closed-at-once');
      expect(feed.health.lastDiagnosis?.message).toMatch(/no SubscriptionRequest arrives within a few seconds/);
      simulator.genesys.configure({ directSubscribeWithinMs: 5_000 });
      await until(() => follower.kinds.includes('ready'));
    });

    it('never confirmed', async () => {
      await start({ confirmMs: 20 });
      simulator.genesys.faults.ignoreSubscribe({ count: 1 });
      const follower = new Follower(feed, { conversationIds: [id] });
      await until(() => follower.kinds.includes('ready'));
      expect(booted.logged()).toContain('"code":"stream.not-confirmed"');
    });

    it('429: too many connections, and the wait that Genesys asks for', async () => {
      await start();
      simulator.genesys.configure({ directMaxConnections: 0 });
      const follower = new Follower(feed, { conversationIds: [id] });
      await diagnosed('stream.too-many-connections');
      expect(feed.health.lastDiagnosis?.message).toMatch(/the limit of WebSocket connections is per client id/);
      simulator.genesys.configure({ directMaxConnections: 1 });
      await until(() => follower.kinds.includes('ready'));
      const [first, second] = upgrades();
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
    });

    it('no events: a narrow filter, or a missing scope', async () => {
      await start({ quietMs: 30 });
      const follower = new Follower(feed, { conversationIds: [id] });
      await diagnosed('stream.no-events');
      expect(feed.health).toMatchObject({ state: 'stable' });
      expect(feed.health.lastDiagnosis?.message).toMatch(/the filter .* is too narrow, .*conversation:read is missing/);
      expect(upgrades()).toHaveLength(1);
      follower.leave();
    });

    it('what Genesys says on the stream, without what could be a token', async () => {
      await start();
      const follower = new Follower(feed, { conversationIds: [id] });
      await until(() => follower.kinds.includes('ready'));
      simulator.genesys.direct.say({
        type: 'Error',
        message: `no scope for ${simulator.genesys.tokens.list().at(-1)!.value}`,
      });
      await diagnosed('stream.error');
      expect(feed.health.lastDiagnosis?.message).toBe('Genesys says on the stream: no scope for …');
    });
  });

  it('counts nobody as followed whose request was lost', async () => {
    await start({ confirmMs: 50 });
    const first = new Follower(feed, { conversationIds: [id] });
    await until(() => first.kinds.includes('ready'));
    simulator.genesys.faults.ignoreSubscribe({ count: 1 });
    const second = new Follower(feed, { conversationIds: [randomUUID()] });
    await until(() => sent().length === 2);
    const third = new Follower(feed, { conversationIds: [randomUUID()] });
    await until(() => second.kinds.includes('ready') && third.kinds.includes('ready'));
    // One of two confirmations is not enough: it may be either's.
    expect(upgrades()).toHaveLength(2);
    expect(first.kinds).toEqual(['ready', 'missed']);
  });

  it('finds a peer that is dead without saying so', async () => {
    await start({ pingMs: 25 });
    const follower = new Follower(feed, { conversationIds: [id] });
    await until(() => follower.kinds.includes('ready'));
    simulator.genesys.direct.silence();
    await until(() => follower.kinds.includes('missed'));
    expect(upgrades()).toHaveLength(2);
  });

  it('is not confused by followers who come and go quickly', async () => {
    await start();
    for (let round = 0; round < 20; round += 1) {
      const follower = new Follower(feed, { conversationIds: [id] });
      for (let turn = 0; turn < round; turn += 1) await new Promise(setImmediate);
      follower.leave();
      if (round % 3 === 0) await new Promise(setImmediate);
    }
    const last = new Follower(feed, { conversationIds: [id] });
    await until(() => last.kinds.includes('ready'));
    await until(() => simulator.genesys.direct.connections.length === 1);
  });
});

describe('a gateway with GENESYS_STREAM=direct', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, { GENESYS_STREAM: 'direct' });
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  it('follows all conversations, comes back by itself, and shows its state in /health', async () => {
    const health = async () => (await gateway.call('get', '/health', 'admin').expect(200)).body.details.stream;
    expect(await health()).toEqual({ status: 'up', state: 'idle' });
    const client = await SseClient.open(`${gateway.url}/conversations/events?include=message.text`, KEYS.publish);
    await client.ready();
    expect(client.events[0]?.data).toEqual({ transport: 'direct', conversationIds: [], eventTypes: [] });
    simulator.genesys.conversations.addMessage(randomUUID(), { text: 'one' });
    await client.when(() => client.types.includes('MessageAdded'));
    expect(client.events.at(-1)?.data).toMatchObject({ eventType: 'MessageAdded', message: { text: 'one' } });
    expect(Object.keys(client.events.at(-1)?.data.message)).toEqual(['text']);
    simulator.genesys.faults.refuseUpgrade({ count: 1, status: 401 });
    simulator.genesys.direct.closeAll();
    await simulator.genesys.waitFor(() => simulator.genesys.requests.some(({ status }) => status === 401));
    // 2 to 3 s to that refusal and 4 to 5 s after it.
    await client.when(() => client.events.some(({ event }) => event === 'stream.missed'), 15_000);
    expect(await health()).toMatchObject({
      status: 'up',
      state: 'confirmed',
      lastDiagnosis: { code: 'stream.unauthorized', at: expect.stringMatching(/^\d{4}-/) },
    });
    // Interactions go on over channels.
    await gateway
      .call('post', '/customers/supportInteraction')
      .send({ conversationId: randomUUID(), customerId: 'C-1' })
      .expect(202);
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === 1);
    await client.close();
    await simulator.genesys.waitFor(() => simulator.genesys.direct.connections.length === 0);
  });
});
