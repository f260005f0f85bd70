import { Injectable } from '@nestjs/common';
import { Database } from '../storage/database.js';
import { INTERACTION_STATUSES, type InteractionStatus } from '../storage/schema.js';

/** How many interactions are in each status. The counts come from one statement, so they always sum to `total`. */
export type Ledger = Record<InteractionStatus | 'total', number>;

@Injectable()
export class LedgerService {
  constructor(private readonly database: Database) {}

  async read(): Promise<Ledger> {
    const rows = await this.database.db
      .selectFrom('interactions')
      .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
      .groupBy('status')
      .execute();
    const counts = new Map(rows.map((row) => [row.status, Number(row.count)]));
    const ledger = Object.fromEntries(INTERACTION_STATUSES.map((status) => [status, counts.get(status) ?? 0]));
    return { ...(ledger as Record<InteractionStatus, number>), total: [...counts.values()].reduce((a, b) => a + b, 0) };
  }
}
