import { sql } from 'kysely';
import { KeptCounts, type KeptCount } from '../../src/storage/kept-counts.js';
import type { DeliveryState, InteractionStatus } from '../../src/storage/schema.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { deliveryRow, interactionRow } from '../helpers/rows.js';

describeEachDatabase('kept counts', (getDb, getTarget) => {
  const counts = (): KeptCounts => new KeptCounts(getDb(), { storage: getTarget() });
  const sorted = (some: readonly KeptCount[]): string[] =>
    some
      .filter(({ n }) => n !== 0)
      .map(({ scope, status, n }) => `${scope} ${status} ${n}`)
      .sort();
  const kept = async (): Promise<string[]> => sorted(await counts().read());

  async function counted(): Promise<string[]> {
    const { rows } = await sql<KeptCount>`
      select 'interactions' as scope, status, count(*) as n from interactions group by status
      union all select 'deliveries.' || sink, case when state in ('pending', 'claimed') then 'waiting' else state end,
        count(*) from deliveries group by 1, 2`.execute(getDb().db);
    return sorted(rows);
  }

  const add = (id: string, status: InteractionStatus) =>
    getDb().db.insertInto('interactions').values(interactionRow({ id, status })).execute();
  const become = (ids: string[], status: InteractionStatus) =>
    getDb().db.updateTable('interactions').set({ status }).where('id', 'in', ids).execute();
  const send = (id: string, sink: string, state: DeliveryState) =>
    getDb().db.insertInto('deliveries').values(deliveryRow({ id, sink, state })).execute();
  const end = (id: string, state: DeliveryState) =>
    getDb().db.updateTable('deliveries').set({ state }).where('id', '=', id).execute();

  it('follow what is inserted, changed and removed, of any status and sink', async () => {
    await add('a', 'accepted');
    await add('b', 'accepted');
    await add('c', 'captured');
    await become(['a', 'b'], 'listening');
    await become(['a'], 'listening');
    await become(['b', 'c'], 'discarded');
    await send('d', 'history', 'pending');
    await send('e', 'push', 'claimed');
    await end('d', 'claimed');
    expect(await kept()).toEqual([
      'deliveries.history waiting 1',
      'deliveries.push waiting 1',
      'interactions discarded 2',
      'interactions listening 1',
    ]);
    await end('d', 'delivered');
    await end('e', 'cancelled');
    await getDb().db.deleteFrom('interactions').where('id', '=', 'c').execute();
    expect(await kept()).toEqual(await counted());
  });

  it('keep nothing of a transaction that is rolled back, nor of a conflict', async () => {
    await add('a', 'accepted');
    const failed = getDb().transaction(async (trx) => {
      await trx.updateTable('interactions').set({ status: 'expired' }).execute();
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    await getDb()
      .db.insertInto('interactions')
      .values(interactionRow({ id: 'a' }))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    expect(await kept()).toEqual(['interactions accepted 1']);
  });

  it('are those of the rows whatever many do at once, at every moment and when they are summed up', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `i${index}`);
    const lives = ids.map(async (id, index) => {
      await add(id, 'accepted');
      await become([id], 'listening');
      await become([id], index % 2 === 0 ? 'captured' : 'expired');
    });
    let over = false;
    const all = Promise.all(lives).finally(() => (over = true));
    while (!over) {
      await Promise.all([counts().fold(), counts().fold()]);
      // Both of one statement, hence of one moment.
      const { rows } = await sql<{ kept: number; rows: number }>`
        select (select coalesce(sum(n), 0) from (
          select scope, n from ledger_counts union all select scope, n from ledger_changes) as both_kept
          where scope = 'interactions') as kept, (select count(*) from interactions) as rows`.execute(getDb().db);
      expect(rows[0]?.kept).toBe(rows[0]?.rows);
    }
    await all;
    await counts().fold();
    expect(await kept()).toEqual(['interactions captured 20', 'interactions expired 20']);
    expect((await sql`select 1 from ledger_changes`.execute(getDb().db)).rows).toEqual([]);
  });

  it('are compared with the rows, told and put right', async () => {
    await add('a', 'accepted');
    await add('b', 'dead');
    await send('d', 'history', 'dead');
    expect(await counts().recount()).toEqual([]);
    await counts().fold();
    await sql`update ledger_counts set n = n + 5 where scope = 'interactions' and status = 'accepted'`.execute(
      getDb().db,
    );
    await sql`insert into ledger_counts (scope, status, n) values ('deliveries.gone', 'dead', 3)`.execute(getDb().db);
    expect(sorted(await counts().recount())).toEqual(['deliveries.gone dead -3', 'interactions accepted -5']);
    expect(await kept()).toEqual(await counted());
    expect(await counts().recount()).toEqual([]);
  });

  it('are recounted in pages, over more rows than one has', async () => {
    const many = Array.from({ length: 45 }, (_, index) => interactionRow({ id: `i${index}`, status: 'listening' }));
    await getDb().db.insertInto('interactions').values(many).execute();
    await sql`delete from ledger_changes`.execute(getDb().db);
    await sql`delete from ledger_counts`.execute(getDb().db);
    const small = new KeptCounts(getDb(), { storage: getTarget() }, 10);
    expect(sorted(await small.recount())).toEqual(['interactions listening 45']);
    expect(await kept()).toEqual(await counted());
  });
});

describeEachDatabase('writers of kept counts', (getDb) => {
  it('do not wait for one another', async () => {
    // Under SQLite there is one writer.
    if (getDb().kind === 'sqlite') return;
    const insert = (id: string) => interactionRow({ id, status: 'accepted' });
    await getDb().transaction(async (outer) => {
      await outer.insertInto('interactions').values(insert('outer')).execute();
      await getDb().transaction((inner) => inner.insertInto('interactions').values(insert('inner')).execute());
    });
    const { rows } = await sql<{ n: number }>`select count(*) as n from interactions`.execute(getDb().db);
    expect(rows[0]?.n).toBe(2);
  });
});
