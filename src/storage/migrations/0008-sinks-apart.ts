import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';
import { rebuild } from './rebuild.js';

/**
 * A delivery is unique by its id and its sink, and its order is kept for each sink: a record may go to a second sink
 * under the same key, and neither of the two holds up the other.
 */
export async function keepSinksApart(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  if (kind === 'sqlite') await rebuild(db, 'deliveries', /\bid text not null unique\b/, 'id text not null');
  else await sql`alter table deliveries drop constraint deliveries_id_key`.execute(db);
  // The id comes first: outcomes and operators name deliveries by it alone.
  await db.schema.createIndex('deliveries_key').unique().on('deliveries').columns(['id', 'sink']).execute();
  await db.schema.dropIndex('deliveries_order').execute();
  await db.schema
    .createIndex('deliveries_order')
    .on('deliveries')
    .columns(['sink', 'order_key', 'seq'])
    .where(sql<boolean>`state in ('pending', 'claimed')`)
    .execute();
}
