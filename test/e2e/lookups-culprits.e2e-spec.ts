import { type Simulator, startSimulator } from '../../simulator/index.js';
import type { LookupFault } from '../../simulator/genesys/lookup-faults.js';
import { freshTarget } from '../helpers/databases.js';
import { type HandedIn, handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';

const HANGING = { delayMs: 60_000 };

describe('several conversations that spoil look-ups, accepted before all others', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    // 22 s to find what was missed; a failed look-up is made again after a second.
    gateway = await startGateway(simulator, database.target, {
      GENESYS_TIMEOUT_MS: '1500',
      INTERACTION_TTL_HOURS: '0.006',
      LOOKUP_SWEEP_S: '1',
    });
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  /** One after the other, so that they are due in this order. */
  async function handInMany(count: number): Promise<HandedIn[]> {
    const all: HandedIn[] = [];
    for (let n = 0; n < count; n++) all.push(await handIn(gateway));
    return all;
  }

  const spoil = (fault: Omit<LookupFault, 'conversationId'>, of: readonly HandedIn[]): void => {
    for (const { conversationId } of of) simulator.genesys.faults.spoilLookups({ conversationId, ...fault });
  };

  /** No event tells of it, and only analytics still knows the conversation. */
  function missEvents(of: readonly HandedIn[]): void {
    for (const { conversationId } of of)
      simulator.genesys.conversations.finishWork(conversationId, { suppressEvent: true });
    spoil({ status: 404, view: 'single' }, of);
  }

  const statusOf = async ({ id }: HandedIn): Promise<string> =>
    (await gateway.call('get', `/customers/supportInteraction/${id}`).expect(200)).body.status as string;

  async function expectRecorded(of: readonly HandedIn[]): Promise<void> {
    const recorded = (): Set<string> =>
      new Set(
        [...simulator.history.records.values()].map((record) => (record as { interactionId: string }).interactionId),
      );
    await simulator.history
      .waitFor(() => of.every(({ id }) => recorded().has(id)), 25_000)
      .catch(async () => {
        expect(await Promise.all(of.map(statusOf))).toEqual(of.map(() => 'delivered'));
      });
  }

  it.each<[number, string, Omit<LookupFault, 'conversationId'>]>([
    [3, '400', { status: 400 }],
    [3, '500', { status: 500 }],
    [3, 'no answer', HANGING],
    [8, '400', { status: 400 }],
    [8, '500', { status: 500 }],
    [8, 'no answer', HANGING],
  ])(
    'hold up nobody, and nobody else expires: %d with %s',
    async (count, _name, fault) => {
      const culprits = await handInMany(count);
      spoil(fault, culprits);
      const early = await handInMany(5);
      missEvents(early);
      await expectRecorded(early);
      // While it goes on, as at the beginning.
      const late = await handInMany(3);
      missEvents(late);
      await expectRecorded(late);
      expect(simulator.history.records.size).toBe(early.length + late.length);
    },
    60_000,
  );
});
