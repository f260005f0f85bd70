import { randomUUID } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../storage/database.js';
import { justCompared, oneOfNumbers } from '../storage/json-rows.js';
import type { DeliveryRow } from '../storage/schema.js';
import { ITS_TURN, WAITS, type Claim, type Share } from './claim.js';

type Asked = Pick<Database, 'db' | 'kind' | 'now'>;

/** Keys that one statement looks at, with two jumps in an index for each: some milliseconds. */
const SLICE = 256;
/** Statements of one claim: 1,024 keys. The next claim begins with others. */
const MAX_SLICES = 4;

interface Slice {
  /** Of what stands first of its key and is due. */
  heads: number[];
  /** The key that was looked at last; undefined when there are no more. */
  last: string | undefined;
}

/**
 * Claims what stands first of its key, key by key and from a random one on, so that all have their turn however many there are.
 * What waits behind one key costs a jump, however long it is.
 */
export async function claimBeyond(database: Asked, claim: Claim, { destination, room }: Share): Promise<DeliveryRow[]> {
  const claimed: DeliveryRow[] = [];
  let [from, wrapped] = [randomUUID() as string, false];
  for (let slice = 0; slice < MAX_SLICES && claimed.length < room; slice++) {
    const { heads, last } = await headsAfter(database, claim.sink, destination, from);
    const wanted = heads.slice(0, room - claimed.length);
    if (wanted.length > 0) claimed.push(...(await claimHeads(database, claim, wanted)));
    if (last === undefined && wrapped) break;
    wrapped ||= last === undefined;
    from = last ?? '';
  }
  return claimed;
}

/** What stands first of the keys after `after`, as far as it is due and goes to `destination`, oldest first. */
async function headsAfter({ db, now }: Asked, sink: string, destination: string, after: string): Promise<Slice> {
  const next = (than: RawBuilder<unknown>) => sql`
    select order_key from deliveries where sink = ${sink} and ${WAITS} and destination = ${destination} and order_key > ${than}
    order by order_key limit 1`;
  const { rows } = await sql<{ order_key: string; head: number | null }>`
    with recursive keys(order_key, no) as (
      select (${next(sql`${after}`)}), 1
      union all
      select (${next(sql.ref('keys.order_key'))}), no + 1 from keys where order_key is not null and no < ${sql.lit(SLICE)})
    select order_key, (
      select seq from (
        select seq, state, destination, crashes, due_at from deliveries as earlier
        where earlier.sink = ${sink} and earlier.order_key = keys.order_key and earlier.state in ('pending', 'claimed')
        order by earlier.seq limit 1) as head
      where state = 'pending' and destination = ${destination} and crashes = 0 and due_at <= ${now}) as head
    from keys where order_key is not null`.execute(db);
  const heads = rows.flatMap(({ head }) => head ?? []).sort((a, b) => a - b);
  return { heads, last: rows.length < SLICE ? undefined : rows.at(-1)?.order_key };
}

/** Those that are still there for whoever comes first: another replica may have looked at the same time. */
async function claimHeads({ db, kind, now }: Asked, claim: Claim, heads: readonly number[]): Promise<DeliveryRow[]> {
  const skipOthers = kind === 'postgres' ? sql`for update skip locked` : sql``;
  const { rows } = await sql<DeliveryRow>`
    with picked as materialized (
      select seq from deliveries as candidate
      where ${oneOfNumbers(kind, 'seq', heads)} and ${justCompared('state')} = 'pending' and ${ITS_TURN} ${skipOthers})
    update deliveries set state = 'claimed', claim = ${claim.token}, claimed_by = ${claim.replica},
      claimed_until = ${now} + ${sql.lit(claim.leaseMs)}
    where seq in (select seq from picked) returning *`.execute(db);
  return rows.sort((a, b) => a.seq - b.seq);
}
