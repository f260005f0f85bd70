import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { HISTORY_SINK } from '../history/history.sink.js';
import { Database } from '../storage/database.js';
import { INTERACTION_STATUSES, type InteractionStatus } from '../storage/schema.js';

/** How many interactions are in each status. The counts come from one statement, so they always sum to `total`. */
export type Ledger = Record<InteractionStatus | 'total', number>;

/** Interactions in a status, and records in the state that belongs to it. */
export interface Difference {
  interactions: number;
  records: number;
}
export type Differences = Partial<Record<'captured' | 'delivered' | 'dead', Difference>>;

/** Counts of interactions and of their records. Each answer is one statement: one moment, whatever goes on meanwhile. */
@Injectable()
export class LedgerRepository {
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

  /** What is not over yet, and what is dead: few, and counted from indexes. */
  async compareOpen(): Promise<Required<Pick<Differences, 'captured' | 'dead'>>> {
    const { rows } = await sql<Record<'captured' | 'undelivered' | 'dead' | 'dead_records', number>>`
      select ${OPEN}`.execute(this.database.db);
    return openOf(rows[0]);
  }

  /** Everything that can be compared. */
  async compareAll(): Promise<Required<Differences>> {
    const { rows } = await sql<
      Record<'captured' | 'undelivered' | 'dead' | 'dead_records' | 'delivered' | 'delivered_records', number>
    >`select ${OPEN},
      (select count(*) from interactions where status = 'delivered') as delivered,
      (select count(*) from deliveries where state = 'delivered' and sink = ${sink}) as delivered_records`.execute(
      this.database.db,
    );
    const [row] = rows;
    return {
      ...openOf(row),
      delivered: { interactions: row?.delivered ?? 0, records: row?.delivered_records ?? 0 },
    };
  }
}

// Literal, as the conditions of partial indexes are.
const sink = sql.lit(HISTORY_SINK);

const OPEN = sql`
  (select count(*) from interactions where status = 'captured') as captured,
  (select count(*) from deliveries where sink = ${sink} and state in ('pending', 'claimed')) as undelivered,
  (select count(*) from interactions where status = 'dead') as dead,
  (select count(*) from deliveries where state = 'dead' and sink = ${sink}) as dead_records`;

function openOf(
  row: Record<'captured' | 'undelivered' | 'dead' | 'dead_records', number> | undefined,
): Required<Pick<Differences, 'captured' | 'dead'>> {
  return {
    captured: { interactions: row?.captured ?? 0, records: row?.undelivered ?? 0 },
    dead: { interactions: row?.dead ?? 0, records: row?.dead_records ?? 0 },
  };
}
