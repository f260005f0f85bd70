import type { Simulator } from '../../simulator/index.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { type Accepted, bodyOf, call, ProcessScene, topicOf } from '../helpers/process-scene.js';

/** Which channel a socket was opened to, and which topics were subscribed, in order. */
function follow({ genesys }: Simulator): { connected: string[]; subscribed: string[] } {
  const seen = { connected: [] as string[], subscribed: [] as string[] };
  genesys.on('connected', ({ channelId }) => seen.connected.push(channelId));
  genesys.on('subscribed', ({ topics }) => seen.subscribed.push(...topics));
  return seen;
}

async function acceptSome(scene: ProcessScene, gateway: GatewayProcess, count: number): Promise<Accepted[]> {
  const accepted = await Promise.all(Array.from({ length: count }, () => scene.accept(gateway)));
  await scene.subscribed(...accepted);
  return accepted;
}

function finish(scene: ProcessScene, some: readonly Accepted[]): void {
  for (const { conversationId } of some) scene.simulator.genesys.conversations.finishWork(conversationId);
}

function obtainedBy(scene: ProcessScene, some: readonly Accepted[]): unknown[] {
  return some.map((each) => bodyOf(scene.attemptsOf(each)[0])['obtainedBy']);
}

describe.each(['sqlite', 'postgres'] as const)('a restart (%s)', (kind) => {
  let scene: ProcessScene;
  let seen: ReturnType<typeof follow>;

  beforeEach(async () => {
    scene = await ProcessScene.open(kind);
    seen = follow(scene.simulator);
  });

  afterEach(() => scene.close());

  it('goes on with the same channel and its subscriptions, and asks for what it missed', async () => {
    const { genesys } = scene.simulator;
    let gateway = await scene.start();
    const [missed, later] = [await acceptSome(scene, gateway, 2), await acceptSome(scene, gateway, 3)];
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(genesys.topics()).toHaveLength(5);
    finish(scene, missed);
    gateway = await scene.start();
    await scene.sent(missed);
    finish(scene, later);
    await scene.delivered(gateway, 5);
    await scene.expectOnce(gateway, [...missed, ...later]);

    expect(scene.channelsMade).toBe(1);
    expect(seen.connected).toEqual([seen.connected[0], seen.connected[0]]);
    expect(seen.subscribed.sort()).toEqual([...missed, ...later].map((each) => topicOf(each.conversationId)).sort());
    expect(obtainedBy(scene, missed)).toEqual(['lookup', 'lookup']);
    expect(obtainedBy(scene, later)).toEqual(['event', 'event', 'event']);
    const { items } = (await call(gateway, 'GET', '/ops/gaps', { as: 'admin' })).body;
    expect(items).toEqual([expect.objectContaining({ reason: 'restart', topics: 5, to: expect.any(String) })]);
  });

  it('says without a warning that it goes on after one that ended in order', async () => {
    const first = await scene.start();
    await acceptSome(scene, first, 1);
    expect(await first.end('SIGTERM')).toBe(0);
    const second = await scene.start();
    const line = await second.logged(({ msg }) => msg === 'goes on with what replicas left that ended in order');
    expect(line.level).toBe('info');
    expect(second.logs.filter(({ msg }) => msg === 'took over what dead replicas owned')).toEqual([]);
  });

  it('makes a new channel when the old one has gone meanwhile', async () => {
    const { genesys } = scene.simulator;
    let gateway = await scene.start();
    const [missed, later] = [await acceptSome(scene, gateway, 1), await acceptSome(scene, gateway, 2)];
    await gateway.end('SIGTERM');
    genesys.faults.evict('all');
    finish(scene, missed);
    gateway = await scene.start();
    await scene.subscribed(...later);
    finish(scene, later);
    await scene.delivered(gateway, 3);
    await scene.expectOnce(gateway, [...missed, ...later]);
    expect(scene.channelsMade).toBe(2);
    expect(genesys.channels()).toHaveLength(1);
    expect(obtainedBy(scene, [...missed, ...later])).toEqual(['lookup', 'event', 'event']);
  });
});

describe('two replicas on PostgreSQL', () => {
  let scene: ProcessScene;

  beforeEach(async () => {
    scene = await ProcessScene.open('postgres');
  });

  afterEach(() => scene.close());

  it('the one that lives takes over the channel, the interactions and the deliveries of the one that is killed', async () => {
    const { genesys, history } = scene.simulator;
    const seen = follow(scene.simulator);
    const [first, second] = [await scene.start(), await scene.start()];
    const inFlight = await acceptSome(scene, first, 1);
    const theirs = await acceptSome(scene, first, 4);
    const ours = await acceptSome(scene, second, 3);
    const [channel, other] = seen.connected;
    expect(seen.connected).toHaveLength(2);
    expect(other).not.toBe(channel);

    history.faults.hang({ count: 1 });
    finish(scene, inFlight);
    await history.waitFor(() => history.received.length === 1);
    await first.end('SIGKILL');
    const diedAt = performance.now();
    const [missed, later] = [theirs.slice(0, 2), theirs.slice(2)];
    finish(scene, missed);
    await genesys.waitFor(() => seen.connected[2] === channel, 20_000);
    expect(performance.now() - diedAt).toBeLessThan(20_000);
    await scene.sent(missed);
    finish(scene, [...later, ...ours]);
    await scene.delivered(second, 8);
    await scene.expectOnce(second, [...inFlight, ...theirs, ...ours]);

    expect(seen.connected).toEqual([channel, other, channel]);
    expect(scene.channelsMade).toBe(2);
    expect(new Set(seen.subscribed).size).toBe(seen.subscribed.length);
    expect(obtainedBy(scene, missed)).toEqual(['lookup', 'lookup']);
    expect(obtainedBy(scene, [...later, ...ours])).toEqual(Array(5).fill('event'));
  }, 45_000);

  it('the one that ends in order leaves its channel to the other at once', async () => {
    const { genesys } = scene.simulator;
    const seen = follow(scene.simulator);
    const [first, second] = [await scene.start(), await scene.start()];
    const theirs = await acceptSome(scene, first, 2);
    const [channel] = seen.connected;
    expect(await first.end('SIGTERM')).toBe(0);
    await genesys.waitFor(() => seen.connected[1] === channel, 10_000);
    finish(scene, theirs);
    await scene.delivered(second, 2);
    await scene.expectOnce(second, theirs);
    expect(scene.channelsMade).toBe(1);
  });
});
