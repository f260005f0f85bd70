import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { LateLookupService } from '../../src/conversations/late-lookup.service.js';
import { Database } from '../../src/storage/database.js';
import { freshTarget } from '../helpers/databases.js';
import { handIn, type HandedIn, type RunningGateway, startGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/process-scene.js';

const HOUR_MS = 60 * 60_000;

/** Genesys repairs its analytics at night, so work may come to light after an interaction has expired. */
describe.each(['sqlite', 'postgres'] as const)('an interaction that has expired (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let target: Awaited<ReturnType<typeof freshTarget>>;
  let database: Database;

  beforeEach(async () => {
    simulator = await startSimulator();
    target = await freshTarget(kind);
    // Over after 1.1 s; looked up at its end.
    gateway = await startGateway(simulator, target.target, { INTERACTION_TTL_HOURS: '0.0003', LOOKUP_SWEEP_S: '1' });
    database = gateway.app.get(Database);
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await target.remove();
  });

  const bulkRequests = (): number =>
    simulator.genesys.requests.filter(({ path }) => path.includes('/analytics/conversations/details')).length;
  const singleRequests = (): number =>
    simulator.genesys.requests.filter(({ path }) => path.startsWith('/api/v2/conversations/')).length;
  const askLate = (): Promise<void> => gateway.app.get(LateLookupService).look();

  async function read({ id }: HandedIn): Promise<Record<string, unknown>> {
    return (await gateway.call('get', `/customers/supportInteraction/${id}`).expect(200)).body as Record<
      string,
      unknown
    >;
  }

  /** Handed in while the agent talks, and expired. */
  async function expire(count: number): Promise<HandedIn[]> {
    const conversations = Array.from({ length: count }, () => randomUUID());
    for (const id of conversations) simulator.genesys.conversations.start({ id });
    const items = await Promise.all(conversations.map((id) => handIn(gateway, id)));
    for (const item of items) await eventually(async () => (await read(item))['status'] === 'expired', 20_000);
    return items;
  }

  /** As if its 72 hours, and the hour for which the first waits for others, had passed. */
  const hoursPass = async (hours: number): Promise<void> =>
    void (await sql`update interactions set late_lookup_at = late_lookup_at - ${Math.round(hours * HOUR_MS)}`.execute(
      database.db,
    ));

  it('is asked for once more at 72 h, in bulk, and recorded once', async () => {
    const items = await expire(3);
    const [found, unfinished, cancelledAnew] = items as [HandedIn, HandedIn, HandedIn];
    simulator.genesys.conversations.finishWork(found.conversationId, { suppressEvent: true, wrapupCode: 'late' });
    await hoursPass(71.9);
    const [bulk, single] = [bulkRequests(), singleRequests()];
    await askLate();
    expect(bulkRequests()).toBe(bulk);
    await hoursPass(1.2);
    await Promise.all([askLate(), askLate()]);
    await simulator.history.waitFor(() => simulator.history.records.size === 1, 10_000);
    expect([bulkRequests(), singleRequests()]).toEqual([bulk + 1, single]);
    expect([...simulator.history.records.values()]).toEqual([
      expect.objectContaining({
        interactionId: found.id,
        obtainedBy: 'lookup',
        wrapup: expect.objectContaining({ code: 'late' }),
      }),
    ]);
    await eventually(async () => (await read(found))['status'] === 'delivered', 10_000);
    for (const item of [unfinished, cancelledAnew]) expect(await read(item)).toMatchObject({ status: 'expired' });
    const { body } = await gateway.call('get', '/ops/ledger', 'viewer').expect(200);
    expect(body).toMatchObject({ delivered: 1, expired: 2, total: 3 });
    // Once: nobody is asked for again.
    await hoursPass(100);
    await askLate();
    expect(bulkRequests()).toBe(bulk + 1);
  }, 30_000);

  it('is asked for an hour later when Genesys is away, and not for ever', async () => {
    const [item] = (await expire(1)) as [HandedIn];
    simulator.genesys.conversations.finishWork(item.conversationId, { suppressEvent: true });
    await hoursPass(73.5);
    simulator.genesys.faults.failRequests({ count: 1_000, status: 503 });
    await askLate();
    simulator.genesys.faults.clear();
    const before = bulkRequests();
    await askLate();
    expect(bulkRequests()).toBe(before);
    await hoursPass(2.5);
    await askLate();
    await simulator.history.waitFor(() => simulator.history.records.size === 1, 10_000);
    expect(await read(item)).toMatchObject({ capturedAt: expect.any(String), expiredAt: expect.any(String) });
  }, 30_000);

  it('begins anew when it is handed in again, and is then not asked for twice', async () => {
    const [item] = (await expire(1)) as [HandedIn];
    expect((await handIn(gateway, item.conversationId)).id).toBe(item.id);
    const { rows } = await sql<{ late: number | null }>`select late_lookup_at as late from interactions`.execute(
      database.db,
    );
    expect(rows).toEqual([{ late: null }]);
  }, 30_000);
});
