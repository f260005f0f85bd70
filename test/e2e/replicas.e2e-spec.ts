import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  type Accepted,
  call,
  eventually,
  handIn,
  interaction,
  ledgerOf,
  ProcessScene,
} from '../helpers/process-scene.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';

const LEASE_S = 5;

/** What Genesys saw of our channels. */
function watchChannels({ simulator: { genesys } }: ProcessScene): { most: number; evictedLive: string[] } {
  const connected = new Set<string>();
  const seen = { most: 0, evictedLive: [] as string[] };
  genesys.on('connected', ({ channelId }) => {
    connected.add(channelId);
    seen.most = Math.max(seen.most, connected.size);
  });
  genesys.on('evicted', ({ channelId, reason }) => {
    if (reason === 'quota' && connected.has(channelId)) seen.evictedLive.push(channelId);
  });
  genesys.on('disconnected', ({ channelId }) => void connected.delete(channelId));
  return seen;
}

async function handInMany(gateway: GatewayProcess, count: number): Promise<Accepted[]> {
  const replies = await Promise.all(
    Array.from({ length: count }, async () => {
      const conversationId = randomUUID();
      return { conversationId, reply: await handIn(gateway, conversationId) };
    }),
  );
  return replies.map(({ conversationId, reply }) => ({ id: String(reply.body['id']), conversationId }));
}

describe('several replicas on one database', () => {
  let scene: ProcessScene;

  afterEach(() => scene.close());

  it.each([
    [2, 140],
    [3, 70],
  ])(
    'keep one budget of channels when %i of them fill up at once',
    async (count, each) => {
      scene = await ProcessScene.open('postgres', { CHANNEL_MAX_TOPICS: '10' });
      const seen = watchChannels(scene);
      const gateways = await Promise.all(Array.from({ length: count }, () => scene.start()));
      const accepted = (await Promise.all(gateways.map((gateway) => handInMany(gateway, each)))).flat();
      const first = gateways[0] as GatewayProcess;
      // 19 channels of 10 topics; the twentieth is kept free for hand-overs.
      await eventually(async () => (await ledgerOf(first))['listening'] === 190 || seen.evictedLive.length > 0, 30_000);
      expect(seen.evictedLive).toEqual([]);
      await eventually(async () => (await unplaced(gateways)) === accepted.length - 190, 10_000);
      expect(seen).toEqual({ most: 19, evictedLive: [] });
      expect(scene.channelsMade).toBe(19);
      expect(await ledgerOf(first)).toMatchObject({ listening: 190, accepted: accepted.length - 190 });
      const topics = scene.simulator.genesys.topics();
      expect(new Set(topics).size).toBe(190);
      // One hand-over after the other may use the spare one.
      const [one, two] = scene.simulator.genesys.channels().map(({ id }) => id);
      scene.simulator.genesys.faults.socketClosing(one as string);
      scene.simulator.genesys.faults.socketClosing(two as string);
      await scene.simulator.genesys.waitFor(
        () => scene.simulator.genesys.channels().every(({ id, connected }) => (id !== one && id !== two) || !connected),
        30_000,
      );
      expect(seen).toEqual({ most: 20, evictedLive: [] });
    },
    90_000,
  );

  it('leave a channel alone that another took over while they stood still, however long they thought it empty', async () => {
    scene = await ProcessScene.open('postgres', { REPLICA_LEASE_S: String(LEASE_S), CHANNEL_LINGER_MS: '3000' });
    const { genesys } = scene.simulator;
    const frozen = await scene.start();
    const gone = await scene.accept(frozen);
    await scene.subscribed(gone);
    const other = await scene.start();
    await call(frozen, 'DELETE', `/customers/supportInteraction/${gone.id}`);
    await genesys.waitFor(() => genesys.topics().length === 0);
    // It notices within a second that the channel is empty.
    await eventually(async () => (await channelsOf(frozen))[0]?.['wanted'] === 0);
    // A second, in which its upkeep has seen that, and a little.
    await setTimeout(1_500);
    frozen.child.kill('SIGSTOP');
    await other.logged((line) => line.msg === 'took over what dead replicas owned', 30_000);
    const accepted = await Promise.all(Array.from({ length: 5 }, () => scene.accept(other)));
    await scene.subscribed(...accepted);
    expect(scene.channelsMade).toBe(1);
    const before = genesys.requests.length;
    frozen.child.kill('SIGCONT');
    await frozen.logged((line) => line.msg === 'replica state' && line['to'] === 'lost', 20_000);
    await frozen.logged(
      (line) => line.msg === 'replica state' && line['from'] === 'lost' && line['to'] === 'live',
      20_000,
    );
    const since = genesys.requests.slice(before).map(({ method, path }) => `${method} ${path.split('/').at(-1)}`);
    expect(since.filter((each) => each.startsWith('DELETE') || each.startsWith('PUT'))).toEqual([]);
    expect(genesys.topics()).toHaveLength(5);
    const [{ items: gaps } = { items: [] }] = [(await call(other, 'GET', '/ops/gaps', { as: 'admin' })).body];
    expect(gaps).toEqual([]);
    for (const each of accepted) expect(await interaction(other, each)).toMatchObject({ status: 'listening' });
  }, 90_000);

  it('call the gap of what they took over by its name', async () => {
    scene = await ProcessScene.open('postgres');
    const dies = await scene.start();
    const accepted = await scene.accept(dies);
    await scene.subscribed(accepted);
    const heir = await scene.start();
    await dies.end('SIGKILL');
    await heir.logged((line) => line.msg === 'gap ended', 30_000);
    // It is stored a moment after the log tells it.
    const gaps = async () => (await call(heir, 'GET', '/ops/gaps', { as: 'admin' })).body as { items: unknown[] };
    await eventually(async () => (await gaps()).items.length > 0);
    expect((await gaps()).items).toEqual([expect.objectContaining({ reason: 'take-over', topics: 1 })]);
  }, 60_000);
});

async function channelsOf(gateway: GatewayProcess): Promise<Record<string, unknown>[]> {
  return (await call(gateway, 'GET', '/ops/channels', { as: 'admin' })).body['items'] as Record<string, unknown>[];
}

async function unplaced(gateways: GatewayProcess[]): Promise<number> {
  const counts = await Promise.all(
    gateways.map(async (gateway) => {
      const { details } = (await call(gateway, 'GET', '/health', { as: 'admin' })).body;
      return (details as { channels: { unplacedTopics: number } }).channels.unplacedTopics;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
