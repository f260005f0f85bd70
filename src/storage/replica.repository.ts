import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';
import { Database } from './database.js';
import { jsonList } from './json-rows.js';
import type { Schema } from './schema.js';

/** First half of the advisory locks' key ("gwrp"), so that they meet no other program's. */
export const REPLICA_LOCK_CLASS = 0x67777270;

/** Second half of the key for taking over as such; those of replicas count from 1. */
const TAKE_OVER_LOCK = 0;

export interface Suspect {
  id: string;
  lockKey: number;
  /** Its lease has run out, so whatever became of its lock, it may be taken over now. */
  leaseOver: boolean;
}

/** The rows of the gateway's processes, and what they own. */
@Injectable()
export class ReplicaRepository {
  constructor(private readonly database: Database) {}

  /** Makes this replica's row, or renews the one it has. Returns the key of its lock. */
  async register(id: string, leaseMs: number): Promise<number> {
    const { db, now } = this.database;
    const row = await db
      .insertInto('replicas')
      .values({ id, started_at: now, lease_until: sql<number>`${now} + ${sql.lit(leaseMs)}` })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ lease_until: (eb) => eb.ref('excluded.lease_until') }),
      )
      .returning('lock_key')
      .executeTakeFirstOrThrow();
    return row.lock_key;
  }

  /** False when the row is gone: somebody took this replica for dead. */
  async renew(id: string, leaseMs: number): Promise<boolean> {
    const { db, now } = this.database;
    const renewed = await db
      .updateTable('replicas')
      .set({ lease_until: sql<number>`${now} + ${sql.lit(leaseMs)}` })
      .where('id', '=', id)
      .returning('id')
      .execute();
    return renewed.length === 1;
  }

  async remove(id: string): Promise<void> {
    await this.database.db.deleteFrom('replicas').where('id', '=', id).execute();
  }

  /** The other replicas that may be dead. Under SQLite that is every other one: this process owns the file. */
  async suspects(self: string): Promise<Suspect[]> {
    const { db, kind, now } = this.database;
    const others = db.selectFrom('replicas').where('id', '<>', self);
    if (kind === 'sqlite') {
      const rows = await others.select(['id', 'lock_key']).execute();
      return rows.map((row) => ({ id: row.id, lockKey: row.lock_key, leaseOver: true }));
    }
    const rows = await others
      .select(['id', 'lock_key', sql<boolean>`lease_until < ${now}`.as('lease_over'), lockIsFree.as('lock_free')])
      .execute();
    return rows
      .filter((row) => row.lease_over || row.lock_free)
      .map((row) => ({ id: row.id, lockKey: row.lock_key, leaseOver: row.lease_over }));
  }

  /** Owners that have no row: they stopped, or were taken over and wrote something before they noticed. */
  async strangers(self: string, db: Kysely<Schema> = this.database.db): Promise<string[]> {
    const rows = await sql<{ owner: string }>`
      select owner from (
        select distinct owner from interactions where status in ('accepted', 'listening')
        union select owner from channels
        union select distinct owner from gaps where to_at is null
        union select distinct claimed_by from deliveries where state = 'claimed'
        union select distinct owner from replay_jobs where status = 'running'
      ) as owners
      where owner is not null and owner <> ${self} and owner not in (select id from replicas)`.execute(db);
    return rows.rows.map((row) => row.owner);
  }

  /**
   * Moves everything that `dead` and the strangers own to `heir`, if they are still dead. One replica at a time does
   * this; when another is at it, nothing happens here. Answers whose things were moved.
   */
  async inherit(heir: string, dead: readonly Suspect[]): Promise<string[]> {
    return this.database.transaction(async (trx) => {
      if (!(await this.aloneAt(trx))) return [];
      const owners = [...(await this.bury(trx, dead)), ...(await this.strangers(heir, trx))];
      if (owners.length > 0) await this.moveAll(trx, heir, [...new Set(owners)]);
      return [...new Set(owners)];
    });
  }

  private async aloneAt(trx: Transaction<Schema>): Promise<boolean> {
    if (this.database.kind === 'sqlite') return true;
    const { rows } = await sql<{ alone: boolean }>`
      select pg_try_advisory_xact_lock(${lockClass}, ${sql.lit(TAKE_OVER_LOCK)}) as alone`.execute(trx);
    return rows[0]?.alone === true;
  }

  private async bury(trx: Transaction<Schema>, dead: readonly Suspect[]): Promise<string[]> {
    if (dead.length === 0) return [];
    const { kind, now } = this.database;
    const suspects = trx.selectFrom('replicas').where(
      'id',
      'in',
      jsonList(
        kind,
        dead.map((suspect) => suspect.id),
      ),
    );
    if (kind === 'sqlite') return this.deleteReplicas(trx, await suspects.select('id').execute());
    // Taking the lock keeps one that comes back from claiming to be alive until this has been committed.
    const rows = await suspects
      .select(['id', sql<boolean>`lease_until < ${now} or ${takeLock}`.as('dead')])
      .forUpdate()
      .execute();
    return this.deleteReplicas(
      trx,
      rows.filter((row) => row.dead),
    );
  }

  private async deleteReplicas(trx: Transaction<Schema>, rows: readonly { id: string }[]): Promise<string[]> {
    const ids = rows.map((row) => row.id);
    await trx.deleteFrom('replicas').where('id', 'in', jsonList(this.database.kind, ids)).execute();
    return ids;
  }

  private async moveAll(trx: Transaction<Schema>, heir: string, dead: readonly string[]): Promise<void> {
    const { kind, now } = this.database;
    const owners = jsonList(kind, dead);
    // Finished interactions keep their owner: it means nothing any more, and there are 30 days of them.
    await trx
      .updateTable('interactions')
      .set({ owner: heir })
      .where('owner', 'in', owners)
      .where(sql<boolean>`status in ('accepted', 'listening')`)
      .execute();
    await trx.updateTable('channels').set({ owner: heir }).where('owner', 'in', owners).execute();
    await trx
      .updateTable('gaps')
      .set({ owner: heir })
      .where('owner', 'in', owners)
      .where('to_at', 'is', null)
      .execute();
    await trx
      .updateTable('replay_jobs')
      .set({ owner: heir })
      .where('owner', 'in', owners)
      .where(sql<boolean>`status = 'running'`)
      .execute();
    // Each of these was in flight when its process died, so each may be what killed it.
    await trx
      .updateTable('deliveries')
      .set((eb) => ({
        state: 'pending',
        crashes: eb('crashes', '+', 1),
        due_at: now,
        claim: null,
        claimed_by: null,
        claimed_until: null,
      }))
      .where('claimed_by', 'in', owners)
      .where(sql<boolean>`state = 'claimed'`)
      .execute();
  }
}

const lockClass = sql.lit(REPLICA_LOCK_CLASS);

/** Taken and given back at once by trying would race with another observer; the view of locks only looks. */
const lockIsFree = sql<boolean>`not exists (
  select 1 from pg_locks
  where locktype = 'advisory' and granted and objsubid = 2
    and database = (select oid from pg_database where datname = current_database())
    and classid::bigint = ${lockClass} and objid::bigint = replicas.lock_key)`;

const takeLock = sql<boolean>`pg_try_advisory_xact_lock(${lockClass}, lock_key)`;
