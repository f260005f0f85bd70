import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../storage/database.js';
import { jsonList, jsonRows } from '../storage/json-rows.js';
import type { DeliveryRow } from '../storage/schema.js';
import { ITS_TURN, type Claim, type Share } from './claim.js';

/**
 * Rows of one destination that are looked at for those whose turn it is: what waits behind one key of it is not walked by
 * each claim, however long it is.
 */
const WINDOW = 64;

/** Written out as the condition of its index `deliveries_destination` is. */
const WAITS = sql<boolean>`state = 'pending' and destination is not null`;

/**
 * Destinations after `after` for which something waits, `limit` of them at most, found by a jump in the index for each:
 * those with something due, and the last that was looked at; that is undefined when there are no more.
 */
export async function dueDestinations(
  { db, now }: Pick<Database, 'db' | 'now'>,
  sink: string,
  after: string,
  limit: number,
): Promise<{ due: string[]; last: string | undefined }> {
  const next = (than: RawBuilder<unknown>) => sql`
    select destination from deliveries where sink = ${sink} and ${WAITS} and destination > ${than}
    order by destination limit 1`;
  const { rows } = await sql<{ destination: string; due: number }>`
    with recursive names(destination, no) as (
      select (${next(sql`${after}`)}), 1
      union all
      select (${next(sql.ref('names.destination'))}), no + 1 from names where destination is not null and no < ${limit})
    select destination, case when ${isDue(sink, now)} then 1 else 0 end as due
    from names where destination is not null`.execute(db);
  const due = rows.filter((row) => row.due === 1).map(({ destination }) => destination);
  return { due, last: rows.length < limit ? undefined : rows.at(-1)?.destination };
}

/** Those among `destinations` with something due. */
export async function dueAmong(
  { db, kind, now }: Pick<Database, 'db' | 'kind' | 'now'>,
  sink: string,
  destinations: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ destination: string }>`
    with names(destination) as ${jsonList(kind, destinations)} select destination from names where ${isDue(sink, now)}`.execute(
    db,
  );
  return rows.map(({ destination }) => destination);
}

/** The first of its index, and not "exists": that PostgreSQL may answer by a walk through the table. */
function isDue(sink: string, now: RawBuilder<number>): RawBuilder<boolean> {
  return sql<boolean>`(
    select 1 from deliveries as candidate
    where sink = ${sink} and ${WAITS} and candidate.destination = names.destination and due_at <= ${now}
    order by due_at, seq limit 1) is not null`;
}

/** Claims for each destination as much as its share says, its oldest first. */
export async function claimShares(
  { db, kind, now }: Pick<Database, 'db' | 'kind' | 'now'>,
  claim: Claim,
  shares: readonly Share[],
): Promise<DeliveryRow[]> {
  const table = jsonRows(kind, shares, { destination: 'text', room: 'bigint' });
  const most = Math.max(...shares.map(({ room }) => room));
  const turns = sql`
    select seq, row_number() over (order by due_at, seq) as place from (
      select seq, due_at from (
        select seq, due_at, sink, order_key from deliveries
        where sink = ${claim.sink} and ${WAITS} and destination = shares.destination and crashes = 0 and due_at <= ${now}
        order by due_at, seq limit ${sql.lit(WINDOW)}) as candidate
      where ${ITS_TURN} order by due_at, seq limit ${most}) as first`;
  const { rows } = await sql<DeliveryRow>`
    with shares as materialized (select * from ${table} as given),
    picked as materialized (${picked(kind, turns)})
    update deliveries set state = 'claimed', claim = ${claim.token}, claimed_by = ${claim.replica},
      claimed_until = ${now} + ${sql.lit(claim.leaseMs)}
    where seq in (select seq from picked) returning *`.execute(db);
  return rows.sort((a, b) => a.seq - b.seq);
}

/**
 * What stands first of the keys that fill the window of a destination and is not due yet: those behind it came after it was put
 * off, and hide what is due behind them.
 */
export async function waitingHeads(
  { db, now }: Pick<Database, 'db' | 'now'>,
  sink: string,
  destination: string,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct head.id from (
      select sink, order_key from deliveries
      where sink = ${sink} and ${WAITS} and destination = ${destination} and crashes = 0 and due_at <= ${now}
      order by due_at, seq limit ${sql.lit(WINDOW)}) as candidate
    join deliveries as head on head.seq = (
      select first.seq from deliveries as first
      where first.sink = candidate.sink and first.order_key = candidate.order_key and first.state in ('pending', 'claimed')
      order by first.seq limit 1)
    where head.state = 'pending' and head.due_at > ${now}`.execute(db);
  return rows.map(({ id }) => id);
}

/** SQLite has no lateral joins, but looks up what a list names; PostgreSQL leaves out what another claims just now. */
function picked(kind: Database['kind'], turns: RawBuilder<unknown>): RawBuilder<unknown> {
  if (kind === 'sqlite') {
    return sql`select chosen.seq from shares cross join deliveries as chosen
      on chosen.seq in (select seq from (${turns}) where place <= shares.room)`;
  }
  return sql`select seq from deliveries as chosen where seq = any(array(
      select turns.seq from shares cross join lateral (${turns}) as turns where turns.place <= shares.room))
    and state = 'pending' for update skip locked`;
}
