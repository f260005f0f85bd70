import { Injectable } from '@nestjs/common';
import { HISTORY_SINK } from '../history/history.sink.js';
import { KeptCounts, type KeptCount } from '../storage/kept-counts.js';
import { INTERACTION_STATUSES, type InteractionStatus } from '../storage/schema.js';

/** How many interactions are in each status. The counts are of one moment, so they always sum to `total`. */
export type Ledger = Record<InteractionStatus | 'total', number>;

/** Interactions in a status, and records in the state that belongs to it. */
export interface Compared {
  interactions: number;
  records: number;
}

/** Statuses whose interactions have one record each, and the state that the record is in then. */
const STATE_OF_RECORD = {
  captured: 'waiting',
  delivered: 'delivered',
  dead: 'dead',
  discarded: 'discarded',
} as const satisfies Partial<Record<InteractionStatus, string>>;
export type RecordStatus = keyof typeof STATE_OF_RECORD;

export type Comparison = Partial<Record<RecordStatus, Compared>>;

/** Counts of interactions and of their records: kept, so that asking costs the same however many there are. */
@Injectable()
export class LedgerRepository {
  constructor(private readonly counts: KeptCounts) {}

  /** @throws StorageUnavailableError */
  async read(): Promise<Ledger> {
    return ledgerOf(await this.counts.read());
  }

  /** The ledger, and what differs between interactions and their records at the same moment. @throws StorageUnavailableError */
  async readAndCompare(): Promise<{ ledger: Ledger; differences: Comparison }> {
    const kept = await this.counts.read();
    const compared = (Object.entries(STATE_OF_RECORD) as [RecordStatus, string][]).map(
      ([status, state]): [RecordStatus, Compared] => [
        status,
        {
          interactions: countOf(kept, 'interactions', status),
          records: countOf(kept, `deliveries.${HISTORY_SINK}`, state),
        },
      ],
    );
    const differences = compared.filter(([, { interactions, records }]) => interactions !== records);
    return { ledger: ledgerOf(kept), differences: Object.fromEntries(differences) };
  }
}

function countOf(kept: readonly KeptCount[], scope: string, status: string): number {
  return kept.find((each) => each.scope === scope && each.status === status)?.n ?? 0;
}

function ledgerOf(kept: readonly KeptCount[]): Ledger {
  const counts = INTERACTION_STATUSES.map((status): [InteractionStatus, number] => [
    status,
    countOf(kept, 'interactions', status),
  ]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return { ...(Object.fromEntries(counts) as Record<InteractionStatus, number>), total };
}
