import { type PlannedConversation, mixedDay } from '../../simulator/genesys/conversations/mixed-day.js';
import { awaitedLeg } from '../../simulator/genesys/conversations/plan.js';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

/** Every story once, and some combinations. */
const CONVERSATIONS = 40;
/** Analytics is up to 20 s late for some; who is heard is asked for within half a minute (docs/architecture.md). */
const BY_LOOKUP_MS = 120_000;

interface StoredRecord {
  interactionId: string;
  conversationId: string;
  obtainedBy: string;
  agentId?: string;
  wrapup?: { code?: string };
}

/** Whatever the real service makes hard to read, through the whole gateway: one record each, of the right agent's work. */
describe.each(['sqlite', 'postgres'] as const)('a mixed day (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    // Sweeps in seconds: what no event tells of is found by the sweep, whatever the series before it.
    gateway = await startGateway(simulator, database.target, { LOOKUP_SWEEP_S: '2' });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  /** A day's conversations, begun, handed in and listened for. */
  async function begin(seed: number): Promise<PlannedConversation[]> {
    const { conversations } = simulator.genesys;
    const day = mixedDay(seed, CONVERSATIONS);
    for (const { plan } of day) {
      conversations.begin(plan);
      const { agentId } = plan.handIn;
      await gateway
        .call('post', '/customers/supportInteraction')
        .send({ conversationId: plan.id, customerId: 'C-1', ...(agentId !== undefined && { agentId }) })
        .expect(202);
    }
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === day.length);
    return day;
  }

  async function recordsOf(day: readonly PlannedConversation[], withinMs: number): Promise<StoredRecord[]> {
    const ids = new Set(day.map(({ plan }) => plan.id));
    const records = (): StoredRecord[] =>
      ([...simulator.history.records.values()] as StoredRecord[]).filter(({ conversationId }) =>
        ids.has(conversationId),
      );
    await simulator.history.waitFor(() => records().length >= day.length, withinMs);
    return records();
  }

  function expectTheRightWork(day: readonly PlannedConversation[], records: readonly StoredRecord[]): void {
    const told = records.map(({ conversationId, agentId, wrapup }) => [conversationId, agentId, wrapup?.code]);
    const awaited = day.map(({ plan }) => {
      const leg = awaitedLeg(plan);
      return [plan.id, leg?.userId, leg?.work?.code];
    });
    expect(told.toSorted()).toEqual(awaited.toSorted());
  }

  it('is recorded by events, each conversation once', async () => {
    const day = await begin(11);
    for (const { plan } of day) simulator.genesys.conversations.complete(plan.id, {});
    const records = await recordsOf(day, 20_000);
    expectTheRightWork(day, records);
    expect(records.filter(({ obtainedBy }) => obtainedBy !== 'event')).toEqual([]);
  });

  it(
    'is recorded by look-ups when no event comes, each conversation once',
    async () => {
      const day = await begin(12);
      for (const { plan } of day) simulator.genesys.conversations.complete(plan.id, { suppressEvent: true });
      const records = await recordsOf(day, BY_LOOKUP_MS);
      expectTheRightWork(day, records);
      expect(records.filter(({ obtainedBy }) => obtainedBy !== 'lookup')).toEqual([]);
    },
    BY_LOOKUP_MS + 20_000,
  );
});
