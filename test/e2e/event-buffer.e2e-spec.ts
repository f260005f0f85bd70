import BetterSqlite from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

/** Another program holds the write lock: to the gateway the database is away, as it would be on a full or frozen disk. */
describe('while the database cannot be written', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let other: BetterSqlite.Database;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, { EVENT_BUFFER_MAX: '5' });
    if (database.target.kind !== 'sqlite') throw new Error('this test locks a file');
    other = new BetterSqlite(database.target.file);
  });

  afterAll(async () => {
    if (other.inTransaction) other.exec('rollback');
    other.close();
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  it('refuses intake, keeps events as far as the buffer goes, and looks the rest up afterwards', async () => {
    const conversations = Array.from({ length: 30 }, () => randomUUID());
    for (const conversationId of conversations) {
      await gateway
        .call('post', '/customers/supportInteraction')
        .send({ conversationId, customerId: 'C-1' })
        .expect(202);
    }
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === 30);
    other.exec('begin immediate');

    const startedAt = performance.now();
    const refused = await gateway
      .call('post', '/customers/supportInteraction')
      .send({ conversationId: randomUUID(), customerId: 'C-1' })
      .expect(503);
    expect(refused.body).toMatchObject({ statusCode: 503, code: 'storage.unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await gateway.call('get', '/health/ready', 'nobody').expect(503);
    await gateway.call('get', '/health/live', 'nobody').expect(200);

    for (const id of conversations) simulator.genesys.conversations.finishWork(id);
    // A frame that is answered after the events: they have all been received.
    await gateway.call('get', '/health/live', 'nobody').expect(200);
    other.exec('rollback');

    await simulator.history.waitFor(() => simulator.history.records.size === 30, 15_000);
    const { text } = await gateway.call('get', '/metrics', 'admin').expect(200);
    expect(Number(/gateway_events_overflowed_total (\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
    const gaps = await gateway.call('get', '/ops/gaps', 'admin').expect(200);
    expect(gaps.body.items).toContainEqual(expect.objectContaining({ reason: 'event buffer full' }));
    expect(simulator.history.repeats).toBe(0);
    await gateway.call('get', '/ops/ledger', 'admin').expect((response) => {
      expect(response.body).toMatchObject({ delivered: 30, total: 30 });
    });
  });
});
