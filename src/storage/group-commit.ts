import type { Kysely } from 'kysely';
import { Batcher } from '../common/batcher.js';
import type { Log } from '../telemetry/logs.js';
import { commit, type Work } from './after-commit.js';
import type { Schema } from './schema.js';

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
  private readonly batcher = new Batcher<Work<unknown>, Outcome>((works) => this.commit(works), MAX_WORKS);

  constructor(
    private readonly db: () => Kysely<Schema>,
    private readonly log: Log,
  ) {}

  /** `work` may run again, so it must change nothing but the database. */
  async transaction<T>(work: Work<T>): Promise<T> {
    const outcome = await this.batcher.add(work);
    if ('error' in outcome) throw outcome.error;
    return outcome.value as T;
  }

  private async commit(works: readonly Work<unknown>[]): Promise<Outcome[]> {
    if (works.length > 1) {
      const together = await this.attempt(async (trx, afterCommit) => {
        const values = [];
        for (const work of works) values.push({ value: await work(trx, afterCommit) });
        return values;
      });
      if ('value' in together) return together.value as Outcome[];
    }
    const outcomes = [];
    for (const work of works) outcomes.push(await this.attempt(work));
    return outcomes;
  }

  private async attempt(work: Work<unknown>): Promise<Outcome> {
    try {
      return { value: await commit(this.db(), work, this.log) };
    } catch (error) {
      return { error };
    }
  }
}
