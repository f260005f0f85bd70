import { Injectable } from '@nestjs/common';
import { sql, type Transaction } from 'kysely';
import type { GenesysChannel } from '../genesys/genesys.types.js';
import { Database } from '../storage/database.js';
import type { ChannelRow, Schema } from '../storage/schema.js';

/** Genesys states 24 h; assumed when it sends no `expires`, or one that this machine's clock makes nonsense of. */
const LIFE_MS = 24 * 60 * 60 * 1000;
/**
 * A slot whose owner has not been heard of for so long is free again. A request that its process had sent to Genesys
 * before it died is over by then: one takes at most 120 s (`GENESYS_TIMEOUT_MS`).
 */
export const SLOT_LIFE_MS = 150_000;
/** First half of the advisory locks' key ("gwch"), so that they meet no other program's; the second is the client's hash. */
const BUDGET_LOCK_CLASS = 0x67776368;

/** A row, and the database's time at which it was read: how long it still lives is measured from there. */
export type StoredChannel = ChannelRow & { read_at: number };

export interface SlotRequest {
  /** The OAuth client whose budget it is. */
  client: string;
  owner: string;
  /** Most channels and slots of that client, this one included. */
  limit: number;
  /** Number of the channel that the new one takes over from. */
  replaces?: number | undefined;
}

/** The id of a slot; `full`: there is none left; `not-ours`: the channel to be replaced is another replica's. */
export type SlotAnswer = { id: string } | 'full' | 'not-ours';

/** The channels that the gateway's replicas have made and may still use, and the slots of those that are being made. */
@Injectable()
export class ChannelRepository {
  constructor(private readonly database: Database) {}

  /** Takes a slot, one replica after the other, so that they never take more than `limit` together. */
  async takeSlot(id: string, { client, owner, limit, replaces }: SlotRequest): Promise<SlotAnswer> {
    return this.database.transaction(async (trx) => {
      await this.lockBudget(trx, client);
      if (replaces !== undefined && !(await this.owns(trx, replaces, owner))) return 'not-ours';
      const { now } = this.database;
      await trx
        .deleteFrom('channel_slots')
        .where('seen_at', '<', sql<number>`${now} - ${sql.lit(SLOT_LIFE_MS)}`)
        .execute();
      if ((await this.countUsed(trx, client)) >= limit) return 'full';
      await trx.insertInto('channel_slots').values({ id, client, owner, seen_at: now }).execute();
      return { id };
    });
  }

  /** Makes a slot the channel that Genesys gave. Undefined when the slot is another's by now: the channel must not be used. */
  async fillSlot(id: string, channel: GenesysChannel): Promise<StoredChannel | undefined> {
    const lifeMs = lifeOf(channel);
    const { now } = this.database;
    return this.database.transaction(async (trx) => {
      const slot = await trx.deleteFrom('channel_slots').where('id', '=', id).returningAll().executeTakeFirst();
      if (!slot) return undefined;
      return trx
        .insertInto('channels')
        .values({
          genesys_id: channel.id,
          connect_uri: channel.connectUri,
          expires_at: sql<number>`${now} + ${sql.lit(lifeMs)}`,
          client: slot.client,
          owner: slot.owner,
          created_at: now,
          last_seen_at: now,
        })
        .returningAll()
        .returning(now.as('read_at'))
        .executeTakeFirstOrThrow();
    });
  }

  /** To be called only when Genesys was not asked, or has answered that it made none. */
  async freeSlot(id: string): Promise<void> {
    await this.database.db.deleteFrom('channel_slots').where('id', '=', id).execute();
  }

  async ownedBy(owner: string): Promise<StoredChannel[]> {
    return this.database.db
      .selectFrom('channels')
      .selectAll()
      .select(this.database.now.as('read_at'))
      .where('owner', '=', owner)
      .orderBy('no')
      .execute();
  }

  async isOwnedBy(no: number, owner: string): Promise<boolean> {
    return this.owns(this.database.db, no, owner);
  }

  /** Notes that these were alive just now: where a gap begins if this process dies, and that their slots are still needed. */
  async seen(nos: readonly number[], slots: readonly string[]): Promise<void> {
    const { db, now } = this.database;
    if (nos.length > 0) await db.updateTable('channels').set({ last_seen_at: now }).where('no', 'in', nos).execute();
    if (slots.length > 0)
      await db.updateTable('channel_slots').set({ seen_at: now }).where('id', 'in', slots).execute();
  }

  /** Forgets a channel, unless another replica has taken it over. Its place in the budget is free. */
  async deleteOwn(no: number, owner: string): Promise<void> {
    await this.database.db.deleteFrom('channels').where('no', '=', no).where('owner', '=', owner).execute();
  }

  /** Until the transaction ends nobody else counts or takes slots of this client. SQLite has one writer anyway. */
  private async lockBudget(trx: Transaction<Schema>, client: string): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    await sql`select pg_advisory_xact_lock(${sql.lit(BUDGET_LOCK_CLASS)}, hashtext(${client}))`.execute(trx);
  }

  private async countUsed(trx: Transaction<Schema>, client: string): Promise<number> {
    const { rows } = await sql<{ used: number }>`
      select (select count(*) from channels where client = ${client} or client is null)
        + (select count(*) from channel_slots where client = ${client}) as used`.execute(trx);
    return Number(rows[0]?.used);
  }

  private async owns(db: Pick<Transaction<Schema>, 'selectFrom'>, no: number, owner: string): Promise<boolean> {
    const row = await db.selectFrom('channels').select('owner').where('no', '=', no).executeTakeFirst();
    return row?.owner === owner;
  }
}

/** How long Genesys will keep it, in milliseconds; by this machine's clock, so never more than Genesys states. */
function lifeOf({ expiresAt }: GenesysChannel): number {
  const leftMs = expiresAt === undefined ? 0 : expiresAt - Date.now();
  return leftMs > 0 ? Math.round(Math.min(leftMs, LIFE_MS)) : LIFE_MS;
}
