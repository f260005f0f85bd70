import { Injectable } from '@nestjs/common';
import type { GenesysChannel } from '../genesys/genesys.types.js';
import { Database } from '../storage/database.js';
import type { ChannelRow } from '../storage/schema.js';

/** Genesys states 24 h; assumed when it sends no `expires` (wire facts §2.5). */
const DEFAULT_LIFE_MS = 24 * 60 * 60 * 1000;

/** The channels that this gateway has made and may still use, so that a restart goes on with the same ones. */
@Injectable()
export class ChannelRepository {
  constructor(private readonly database: Database) {}

  async insert(channel: GenesysChannel, owner: string): Promise<ChannelRow> {
    const now = Date.now();
    return this.database.db
      .insertInto('channels')
      .values({
        genesys_id: channel.id,
        connect_uri: channel.connectUri,
        expires_at: channel.expiresAt ?? now + DEFAULT_LIFE_MS,
        owner,
        created_at: now,
        last_seen_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async ownedBy(owner: string): Promise<ChannelRow[]> {
    return this.database.db.selectFrom('channels').selectAll().where('owner', '=', owner).orderBy('no').execute();
  }

  async isOwnedBy(no: number, owner: string): Promise<boolean> {
    const row = await this.database.db.selectFrom('channels').select('owner').where('no', '=', no).executeTakeFirst();
    return row?.owner === owner;
  }

  /** How many channels other replicas hold: all share the limit of 20 per OAuth client. */
  async countOfOthers(owner: string): Promise<number> {
    const { count } = await this.database.db
      .selectFrom('channels')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('owner', '!=', owner)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Notes that these were alive just now: where a gap begins if this process dies. */
  async seen(nos: number[]): Promise<void> {
    if (nos.length === 0) return;
    await this.database.db.updateTable('channels').set({ last_seen_at: Date.now() }).where('no', 'in', nos).execute();
  }

  /** Forgets a channel, unless another replica has taken it over. */
  async deleteOwn(no: number, owner: string): Promise<void> {
    await this.database.db.deleteFrom('channels').where('no', '=', no).where('owner', '=', owner).execute();
  }
}
