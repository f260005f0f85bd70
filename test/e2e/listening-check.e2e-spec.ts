import { randomUUID } from 'node:crypto';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { ListeningCheck } from '../../src/conversations/listening-check.service.js';
import { recordIdOf } from '../../src/history/record.js';
import { ChannelManager } from '../../src/notifications/channel-manager.service.js';
import { Database } from '../../src/storage/database.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import { freshTarget } from '../helpers/databases.js';
import { type HandedIn, handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/process-scene.js';
import { channelRow, interactionRow } from '../helpers/rows.js';

const HOUR_MS = 3_600_000;

describe.each(['sqlite', 'postgres'] as const)('what waits is listened for (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target, { RETRY_BASE_MS: '20', RETRY_CAP_MS: '100' });
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const check = () => gateway.app.get(ListeningCheck).check();
  const manager = () => gateway.app.get(ChannelManager);
  const topicOf = (conversationId: string) => `v2.detail.events.conversation.${conversationId}.acw`;
  const isSubscribed = (topic: string) => simulator.genesys.topics().includes(topic);
  const repaired = async () =>
    /^gateway_topics_repaired_total (\d+)$/m.exec((await gateway.call('get', '/metrics', 'admin')).text)?.[1];

  async function handInAndWait(): Promise<HandedIn> {
    const handedIn = await handIn(gateway);
    await simulator.genesys.waitFor(() => isSubscribed(topicOf(handedIn.conversationId)));
    return handedIn;
  }

  it('listens for an interaction that was stored and of which nobody was told', async () => {
    await handInAndWait();
    const row = interactionRow({
      owner: gateway.app.get(ReplicaService).id,
      accepted_at: Date.now(),
      expires_at: Date.now() + HOUR_MS,
      lookup_at: Date.now() + HOUR_MS,
    });
    await gateway.app.get(Database).db.insertInto('interactions').values(row).execute();
    await check();
    expect(await repaired()).toBe('0');
    await check();
    expect(await repaired()).toBe('1');
    await simulator.genesys.waitFor(() => isSubscribed(topicOf(row.conversation_id)));
    simulator.genesys.conversations.finishWork(row.conversation_id);
    await simulator.history.waitFor(() => simulator.history.records.has(recordIdOf(row.id)));
  });

  it('releases a topic that nobody waits for, and leaves those that others hold', async () => {
    const waiting = await handInAndWait();
    const [idle, held] = [topicOf(randomUUID()), topicOf(randomUUID())];
    manager().want([idle]);
    manager().want([held], 'a stream');
    await simulator.genesys.waitFor(() => isSubscribed(idle) && isSubscribed(held));
    await check();
    await check();
    await simulator.genesys.waitFor(() => !isSubscribed(idle));
    expect(await repaired()).toBe('1');
    expect([...manager().wantedBy()]).toEqual([topicOf(waiting.conversationId)]);
    expect(isSubscribed(held)).toBe(true);
  });

  it('repairs nothing in ordinary traffic', async () => {
    const interactions = await Promise.all(Array.from({ length: 20 }, handInAndWait));
    await check();
    const done = interactions.slice(0, 12);
    const cancelled = interactions.slice(12, 16);
    for (const { conversationId } of done) simulator.genesys.conversations.finishWork(conversationId);
    await Promise.all(
      cancelled.map(({ id }) => gateway.call('delete', `/customers/supportInteraction/${id}`).expect(200)),
    );
    await check();
    const topics = [...done, ...cancelled].map(({ conversationId }) => topicOf(conversationId));
    await simulator.genesys.waitFor(() => !topics.some(isSubscribed));
    await check();
    await check();
    expect(await repaired()).toBe('0');
  });

  it('compares nothing while the lease is over, and forgets what it saw before', async () => {
    await handInAndWait();
    const idle = topicOf(randomUUID());
    manager().want([idle]);
    await check();
    await manager().suspend();
    await check();
    await manager().resume([]);
    manager().want([idle]);
    await check();
    expect(await repaired()).toBe('0');
    expect([...manager().wantedBy()]).toContain(idle);
  });
});

describe('two replicas', () => {
  it('do not both hold the topic of an interaction that is one of theirs', async () => {
    const simulator = await startSimulator();
    const { target, remove } = await freshTarget('postgres');
    const [one, other] = [await startGateway(simulator, target), await startGateway(simulator, target)];
    try {
      const conversationId = randomUUID();
      const topic = `v2.detail.events.conversation.${conversationId}.acw`;
      const holders = () => simulator.genesys.channels().filter((channel) => channel.topics.includes(topic));
      await one.call('post', '/customers/supportInteraction').send({ conversationId, customerId: 'C-1' }).expect(202);
      await simulator.genesys.waitFor(() => holders().length === 1);
      const [right] = holders();
      // As if it had asked under a lease that ended meanwhile.
      other.app.get(ChannelManager).want([topic]);
      await simulator.genesys.waitFor(() => holders().length === 2);
      await simulator.genesys.waitFor(() => holders().length < 2, 25_000);
      expect(holders().map(({ id }) => id)).toEqual([right?.id]);
      expect([...one.app.get(ChannelManager).wantedBy()]).toEqual([topic]);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
      await simulator.stop();
      await remove();
    }
  }, 60_000);
});

describe('what loses its channel and finds no room on another', () => {
  it('is accepted and no longer listened for, in the ledger too', async () => {
    const simulator = await startSimulator();
    const { target, remove } = await freshTarget('sqlite');
    // One channel for topics, and one that is kept free.
    const gateway = await startGateway(simulator, target, { CHANNEL_MAX_COUNT: '2' });
    const ledger = async () => (await gateway.call('get', '/ops/ledger', 'admin').expect(200)).body;
    try {
      const body = { conversationId: randomUUID(), customerId: 'C-1' };
      await gateway.call('post', '/customers/supportInteraction').send(body).expect(202);
      await eventually(async () => (await ledger()).listening === 1);
      const others = channelRow({ owner: 'another replica', client: 'demo-client' });
      await gateway.app.get(Database).db.insertInto('channels').values(others).execute();
      simulator.genesys.faults.evict('all');
      await eventually(async () => (await ledger()).accepted === 1, 15_000);
      expect(await ledger()).toMatchObject({ accepted: 1, listening: 0, total: 1 });
      expect(simulator.genesys.topics()).toEqual([]);
    } finally {
      await gateway.stop();
      await simulator.stop();
      await remove();
    }
  });
});
