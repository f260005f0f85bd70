import { sql } from 'kysely';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { claimBeyond } from '../../src/delivery/keys.js';
import { waitingHeads } from '../../src/delivery/shares.js';
import type { Database } from '../../src/storage/database.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { pagesOf, plansOf, WALK } from '../helpers/plans.js';
import { deliveryRow } from '../helpers/rows.js';

const REPLICA = 'replica-1';
const CLAIM = { sink: 'push', limit: 24, token: 't', replica: REPLICA, leaseMs: 30_000 };

const NAMES = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];

describeEachDatabase('Plans of the statements around claims', (getDb) => {
  let database: Database;
  let deliveries: DeliveryRepository;

  beforeEach(() => {
    database = getDb();
    deliveries = new DeliveryRepository(database);
  });

  /** Rows that wait for one destination, of as many keys in turn. */
  async function wait(count: number, keys: number, destination = 'one'): Promise<void> {
    await sql`
      with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${sql.lit(count)})
      insert into deliveries (id, sink, order_key, subject_id, payload, state, due_at, received_at, created_at, destination)
      select ${sql.lit(destination)} || n, 'push', ${sql.lit(`${destination} key `)} || (n % ${sql.lit(keys)}), 's', '{}', 'pending', 1, 1, 1,
        ${sql.lit(destination)} from numbers where true`.execute(database.db);
  }

  /** As autovacuum does it within a minute; SQLite never has any statistics. */
  const analyze = async (): Promise<void> => {
    if (database.kind === 'postgres') await sql`vacuum analyze deliveries`.execute(database.db);
  };
  const plans = (work: () => Promise<unknown>): Promise<string[]> => plansOf(database, work);

  it('looks through the keys of a destination by jumps in their index', async () => {
    for (const name of NAMES) await wait(1_000, 70, name);
    await analyze();
    const [looking, claiming] = await plans(() => claimBeyond(database, CLAIM, { destination: 'one', room: 3 }));
    expect(looking).toMatch(/deliveries_keys/);
    expect(looking).toMatch(/deliveries_order/);
    expect(claiming).toMatch(/deliveries_pkey|INTEGER PRIMARY KEY/);
    expect(claiming).toMatch(/deliveries_order/);
    for (const plan of [looking, claiming]) expect(plan).not.toMatch(WALK);
    for (const plan of [looking, claiming]) expect(plan).not.toMatch(/deliveries_(due|backlog|suspects|destination)/);
  });

  it('puts off what stands behind by its key, and finds what hides others by its destination', async () => {
    for (const name of NAMES) await wait(1_000, 70, name);
    await analyze();
    const [heads] = await plans(() => waitingHeads(database, 'push', 'one'));
    expect(heads).toMatch(/deliveries_destination/);
    const [delivery] = await deliveries.claimShares(CLAIM, [{ destination: 'one', room: 1 }]);
    if (!delivery) throw new Error('nothing was claimed');
    const [postponing, behind] = await plans(() => deliveries.postpone([{ delivery, delayMs: 1_000 }]));
    const [puttingOff] = await plans(() => deliveries.putOffThoseBehind(database.db, [delivery.id]));
    for (const plan of [postponing, behind, puttingOff]) expect(plan).toMatch(/deliveries_key\b/);
    for (const plan of [heads, behind, puttingOff]) expect(plan).toMatch(/deliveries_order/);
    for (const plan of [heads, postponing, behind, puttingOff]) expect(plan).not.toMatch(WALK);
  });

  it('finds suspects, what is next and claims that end by indexes of their own', async () => {
    await wait(5_000, 5_000);
    await database.db
      .insertInto('deliveries')
      .values(deliveryRow({ sink: 'push', crashes: 1 }))
      .execute();
    await analyze();
    const suspects = await plans(() => deliveries.claimSuspect({ ...CLAIM, destinations: ['one'] }));
    expect(suspects[0]).toMatch(/deliveries_suspects/);
    const [next] = await plans(() => deliveries.nextDue('push'));
    expect(next).toMatch(/deliveries_due/);
    expect(next).toMatch(/deliveries_suspects/);
    const released = [
      ...(await plans(() => deliveries.releaseClaim(CLAIM))),
      ...(await plans(() => deliveries.releaseAll(REPLICA))),
      ...(await plans(() => deliveries.releaseExpired(REPLICA))),
    ];
    for (const plan of released) expect(plan).toMatch(/deliveries_claims/);
    const [unused] = await plans(() => deliveries.release([{ id: 'one1', claim: 't' }]));
    const [revived] = await plans(() => database.transaction((trx) => deliveries.revive(trx, ['one1'])));
    for (const plan of [unused, revived]) expect(plan).toMatch(/deliveries_key\b/);
    for (const plan of [...suspects, next, ...released, unused, revived]) expect(plan).not.toMatch(WALK);
  });

  it('touches no more pages for a claim with 100,000 rows behind one that is under way', async () => {
    if (database.kind === 'sqlite') return;
    const work = async (waiting: number): Promise<number> => {
      await sql`delete from deliveries`.execute(database.db);
      await wait(waiting, 1);
      await deliveries.claimShares(CLAIM, [{ destination: 'one', room: 1 }]);
      await database.db
        .insertInto('deliveries')
        .values(deliveryRow({ sink: 'push', destination: 'one', order_key: 'other', due_at: 2 }))
        .execute();
      await analyze();
      return pagesOf(database, async () => {
        const { crowded } = await deliveries.dueDestinations('push', '', 256);
        const claimed = await deliveries.claimShares(CLAIM, [{ destination: 'one', room: 1 }], crowded);
        expect(claimed.map((row) => row.order_key)).toEqual(['other']);
      });
    };
    // A hundred times the rows: an index has a level more, and each of the 64 rows of a window asks it.
    const few = await work(1_000);
    expect(await work(100_000)).toBeLessThan(3 * few);
  });

  it('asks for the backlog by its index and by kept counts, however much waits or is over', async () => {
    await wait(5_000, 5_000);
    await sql`update deliveries set state = 'delivered', delivered_at = 1 where seq % 2 = 0`.execute(database.db);
    await analyze();
    const [plan] = await plans(() => deliveries.backlog('push'));
    expect(plan).toMatch(/deliveries_backlog/);
    expect(plan).not.toMatch(/SCAN deliveries|Seq Scan on deliveries/);
  });
});
