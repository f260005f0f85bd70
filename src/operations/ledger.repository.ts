import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { HISTORY_SINK } from '../history/history.sink.js';
import { Database } from '../storage/database.js';
import { INTERACTION_STATUSES, type InteractionStatus } from '../storage/schema.js';

/** How many interactions are in each status. The counts come from one statement, so they always sum to `total`. */
export type Ledger = Record<InteractionStatus | 'total', number>;

/** Interactions in a status, and records in the state that belongs to it. */
export interface Compared {
  interactions: number;
  records: number;
}

/** Statuses whose interactions have one record each. Those that are over make up most of the tables. */
type OpenStatus = 'captured' | 'dead';
export type RecordStatus = OpenStatus | 'delivered' | 'discarded';

export type Comparison = Partial<Record<RecordStatus, Compared>>;

interface Counted {
  records: number;
  status: InteractionStatus;
  count: number;
}

/** Counts of interactions and of their records. Each answer is one statement: one moment, whatever goes on meanwhile. */
@Injectable()
export class LedgerRepository {
  constructor(private readonly database: Database) {}

  async read(): Promise<Ledger> {
    return ledgerOf(await this.count(INTERACTIONS));
  }

  /** All interactions, compared with all records: looks at every row's entry in an index. */
  async readAndCompare(): Promise<{ ledger: Ledger; comparison: Required<Comparison> }> {
    const counted = await this.count(sql`${INTERACTIONS} union all ${OPEN_RECORDS} union all ${FINISHED_RECORDS}`);
    return {
      ledger: ledgerOf(counted),
      comparison: {
        captured: compared(counted, 'captured'),
        delivered: compared(counted, 'delivered'),
        dead: compared(counted, 'dead'),
        discarded: compared(counted, 'discarded'),
      },
    };
  }

  /** Compares only what is not over yet and what is dead: few. */
  async compareOpen(): Promise<Required<Pick<Comparison, OpenStatus>>> {
    const counted = await this.count(sql`${OPEN_INTERACTIONS} union all ${OPEN_RECORDS}`);
    return { captured: compared(counted, 'captured'), dead: compared(counted, 'dead') };
  }

  private async count(query: RawBuilder<unknown>): Promise<Counted[]> {
    return (await sql<Counted>`${query}`.execute(this.database.db)).rows;
  }
}

// Literal, as the conditions of partial indexes are.
const sink = sql.lit(HISTORY_SINK);

const INTERACTIONS = sql`select 0 as records, status, count(*) as count from interactions group by status`;

const OPEN_INTERACTIONS = sql`
  select 0 as records, 'captured' as status, count(*) as count from interactions where status = 'captured'
  union all select 0, 'dead', count(*) from interactions where status = 'dead'`;

const OPEN_RECORDS = sql`
  select 1 as records, 'captured' as status, count(*) as count from deliveries
  where sink = ${sink} and state in ('pending', 'claimed')
  union all select 1, 'dead', count(*) from deliveries where sink = ${sink} and state = 'dead'`;

const FINISHED_RECORDS = sql`
  select 1, 'delivered', count(*) from deliveries where sink = ${sink} and state = 'delivered'
  union all select 1, 'discarded', count(*) from deliveries where sink = ${sink} and state = 'discarded'`;

function countOf(counted: readonly Counted[], status: InteractionStatus, records: 0 | 1): number {
  return counted.find((each) => each.status === status && each.records === records)?.count ?? 0;
}

function compared(counted: readonly Counted[], status: RecordStatus): Compared {
  return { interactions: countOf(counted, status, 0), records: countOf(counted, status, 1) };
}

function ledgerOf(counted: readonly Counted[]): Ledger {
  const counts = INTERACTION_STATUSES.map((status): [InteractionStatus, number] => [
    status,
    countOf(counted, status, 0),
  ]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return { ...(Object.fromEntries(counts) as Record<InteractionStatus, number>), total };
}
