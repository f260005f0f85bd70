import type { Kysely, Transaction } from 'kysely';
import { Batcher } from '../common/batcher.js';
import type { Schema } from './schema.js';

type Work = (trx: Transaction<Schema>) => Promise<unknown>;
/** What became of one work of several. */
type Outcome = { value: unknown } | { error: unknown };

/** Most works in one transaction: all of them wait for the last one's end. */
const MAX_WORKS = 32;

/**
 * Lets transactions that are asked for while another one is under way share the next one: each commit is a sync to disk,
 * which costs more than most of them do. When one of them fails, nothing of any of them is stored, and each has a
 * transaction of its own: the others do not notice.
 */
export class GroupCommit {
  private readonly batcher = new Batcher<Work, Outcome>((works) => this.commit(works), MAX_WORKS);

  constructor(private readonly db: () => Kysely<Schema>) {}

  /** `work` may run again, so it must change nothing but the database. */
  async transaction<T>(work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
    const outcome = await this.batcher.add(work);
    if ('error' in outcome) throw outcome.error;
    return outcome.value as T;
  }

  private async commit(works: readonly Work[]): Promise<Outcome[]> {
    if (works.length > 1) {
      const together = await this.attempt(async (trx) => {
        const values = [];
        for (const work of works) values.push({ value: await work(trx) });
        return values;
      });
      if ('value' in together) return together.value as Outcome[];
    }
    const outcomes = [];
    for (const work of works) outcomes.push(await this.attempt(work));
    return outcomes;
  }

  private async attempt(work: Work): Promise<Outcome> {
    try {
      return { value: await this.db().transaction().execute(work) };
    } catch (error) {
      return { error };
    }
  }
}
