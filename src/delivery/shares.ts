import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../storage/database.js';
import { jsonList, jsonRows } from '../storage/json-rows.js';
import type { DeliveryRow } from '../storage/schema.js';
import { ITS_TURN, WAITS, type Claim, type Due, type Share } from './claim.js';
import { waitingDestinations } from './waiting-destinations.js';

/**
 * Rows of one destination that are looked at for those whose turn it is: what waits behind one key of it is not walked by
 * each claim, however long it is.
 */
const WINDOW = 64;

/**
 * Of the destinations after `after` for which something waits, `limit` of them at most, those with something due, and the last
 * that was looked at; that is undefined when there are no more.
 */
export async function dueDestinations(
  { db, now }: Pick<Database, 'db' | 'now'>,
  sink: string,
  after: string,
  limit: number,
): Promise<Due & { last: string | undefined }> {
  const { rows } = await sql<Counted>`
    with recursive ${waitingDestinations(sink, after, limit)}
    select destination, ${dueOf(sink, now)} as due from names where destination is not null`.execute(db);
  return { ...dueIn(rows), last: rows.length < limit ? undefined : rows.at(-1)?.destination };
}

/** Those among `destinations` with something due. */
export async function dueAmong(
  { db, kind, now }: Pick<Database, 'db' | 'kind' | 'now'>,
  sink: string,
  destinations: readonly string[],
): Promise<Due> {
  const { rows } = await sql<Counted>`
    with names(destination) as ${jsonList(kind, destinations)}
    select destination, ${dueOf(sink, now)} as due from names`.execute(db);
  return dueIn(rows);
}

interface Counted {
  destination: string;
  due: number;
}

/** How many are due, a window at most. */
function dueOf(sink: string, now: RawBuilder<number>): RawBuilder<number> {
  return sql<number>`(
    select count(*) from (
      select 1 from deliveries as candidate
      where sink = ${sink} and ${WAITS} and candidate.destination = names.destination and due_at <= ${now}
      order by due_at, seq limit ${sql.lit(WINDOW)}) as first)`;
}

function dueIn(rows: readonly Counted[]): Due {
  const names = (least: number): string[] =>
    rows.filter(({ due }) => due >= least).map(({ destination }) => destination);
  return { due: names(1), crowded: new Set(names(WINDOW)) };
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
    select distinct id from (
      select (
        select id from (
          select id, state, due_at from deliveries as first
          where first.sink = candidate.sink and first.order_key = candidate.order_key and first.state in ('pending', 'claimed')
          order by first.seq limit 1) as head
        where state = 'pending' and due_at > ${now}) as id
      from (
        select sink, order_key from deliveries
        where sink = ${sink} and ${WAITS} and destination = ${destination} and crashes = 0 and due_at <= ${now}
        order by due_at, seq limit ${sql.lit(WINDOW)}) as candidate) as heads
    where id is not null`.execute(db);
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
