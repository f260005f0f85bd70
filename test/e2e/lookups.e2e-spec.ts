import { randomUUID } from 'node:crypto';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import type { Shape } from '../../simulator/genesys/conversations/shapes.js';
import type { LookupFault } from '../../simulator/genesys/lookup-faults.js';
import type { Environment } from '../../src/config/environment.js';
import { freshTarget } from '../helpers/databases.js';
import { type HandedIn, handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/process-scene.js';

/** Beyond what the gateway reads of one answer. */
const TOO_MUCH = 21 * 1024 * 1024;

describe('a conversation whose look-up cannot be read', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let bad: HandedIn;
  let good: HandedIn[];

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  async function open(environment: Environment = {}): Promise<void> {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    // 18 s to find what was missed; a failed look-up is made again after a second.
    gateway = await startGateway(simulator, database.target, {
      INTERACTION_TTL_HOURS: '0.005',
      LOOKUP_SWEEP_S: '1',
      ...environment,
    });
  }

  /** Five interactions and a bad one, all finished; no event told of it. */
  async function missEvents(spoil: (conversationId: string) => void): Promise<void> {
    const all = await Promise.all(Array.from({ length: 6 }, () => handIn(gateway)));
    [bad, ...good] = all as [HandedIn, ...HandedIn[]];
    const { genesys } = simulator;
    // First of all, since the first look-up already lets topics go.
    await genesys.waitFor(() => genesys.topics().length === all.length);
    spoil(bad.conversationId);
    for (const { conversationId } of all) genesys.conversations.finishWork(conversationId, { suppressEvent: true });
  }

  const shaped = (shape: Shape) => (id: string) => simulator.genesys.conversations.shape(id, shape);
  const spoilt = (fault: Omit<LookupFault, 'conversationId'>) => (conversationId: string) =>
    simulator.genesys.faults.spoilLookups({ conversationId, ...fault });

  const recorded = (): string[] =>
    [...simulator.history.records.values()].map((record) => (record as { interactionId: string }).interactionId).sort();

  async function expectRecords(of: readonly HandedIn[]): Promise<void> {
    await simulator.history.waitFor(() => simulator.history.records.size >= of.length, 25_000);
    expect(recorded()).toEqual(of.map(({ id }) => id).sort());
  }

  async function read({ id }: HandedIn): Promise<Record<string, unknown>> {
    return (await gateway.call('get', `/customers/supportInteraction/${id}`).expect(200)).body as Record<
      string,
      unknown
    >;
  }

  it.each<[string, (id: string) => void]>([
    ['nulls in its lists', shaped({ nulls: true })],
    ['participants of other types', shaped({ wrongTypes: true })],
    ['more than 20 MB in bulk', shaped({ paddingBytes: TOO_MUCH, view: 'analytics' })],
    ['400 in bulk', spoilt({ status: 400, view: 'analytics' })],
    ['JSON that is broken off in bulk', spoilt({ view: 'analytics' })],
    ['500 in bulk', spoilt({ status: 500, view: 'analytics' })],
    ['no answer in bulk', spoilt({ delayMs: 60_000, view: 'analytics' })],
  ])(
    'is recorded like its neighbours: %s',
    async (_name, spoil) => {
      await open({ GENESYS_TIMEOUT_MS: '500' });
      await missEvents(spoil);
      await expectRecords([bad, ...good]);
    },
    40_000,
  );

  it.each<[string, (id: string) => void]>([
    ['more than 20 MB', shaped({ paddingBytes: TOO_MUCH })],
    ['400', spoilt({ status: 400 })],
    ['JSON that is broken off', spoilt({})],
    ['500', spoilt({ status: 500 })],
  ])(
    'holds up none of its neighbours, and says what is wrong: %s',
    async (_name, spoil) => {
      await open();
      await missEvents(spoil);
      await expectRecords(good);
      await eventually(async () => {
        const { lastError } = await read(bad);
        return (lastError as { code?: string } | undefined)?.code === 'lookup.failed';
      }, 10_000);
    },
    40_000,
  );

  it('expires only after it was asked for alone, after its time', async () => {
    await open({ INTERACTION_TTL_HOURS: '0.001' });
    await missEvents(spoilt({ status: 400 }));
    await expectRecords(good);
    await eventually(async () => (await read(bad))['status'] === 'expired', 15_000);
    const { expiresAt, lastError } = await read(bad);
    const asked = simulator.genesys.requests.filter(({ path }) =>
      path.endsWith(`/conversations/${bad.conversationId}`),
    );
    expect(asked.at(-1)?.at).toBeGreaterThanOrEqual(Date.parse(expiresAt as string));
    expect(lastError).toMatchObject({ code: 'lookup.failed', message: expect.stringContaining('400') });
  }, 30_000);

  it('finds how many ids Genesys takes at once', async () => {
    await open();
    simulator.genesys.configure({ analyticsMaxIds: 2 });
    await missEvents(() => undefined);
    await expectRecords([bad, ...good]);
  }, 40_000);
});

describe('a single look-up', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, { LOOKUP_SWEEP_S: '0.5' });
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  it('is made only of whose agent talked and is gone, without work in bulk: not of who goes on, only rang or is unknown', async () => {
    const { genesys } = simulator;
    const [over, goesOn, rang] = [randomUUID(), randomUUID(), randomUUID()];
    const unknown = randomUUID();
    for (const id of [over, goesOn, rang]) genesys.conversations.start({ id });
    genesys.conversations.endLeg(over);
    genesys.conversations.noAnswer(rang, { userId: randomUUID() });
    for (const id of [over, goesOn, rang, unknown]) await handIn(gateway, id);
    const asked = (path: string): number => genesys.requests.filter((each) => each.path.includes(path)).length;
    const inBulk = (id: string): number =>
      genesys.requests.filter((each) => each.path.includes('/analytics/') && each.path.includes(id)).length;
    await genesys.waitFor(() => [over, goesOn, rang, unknown].every((id) => inBulk(id) >= 4), 20_000);
    const singly = (id: string): number => asked(`/api/v2/conversations/${id}`);
    expect(singly(over)).toBeGreaterThan(0);
    expect([goesOn, rang, unknown].map(singly)).toEqual([0, 0, 0]);
  }, 40_000);
});
