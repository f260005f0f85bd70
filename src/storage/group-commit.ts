import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import { Batcher } from '../common/batcher.js';
import type { Log } from '../telemetry/logs.js';
import { commit, type AfterCommit, type Work } from './after-commit.js';
import type { Schema } from './schema.js';
import { StorageUnavailableError } from './storage.errors.js';

/** What became of one work of several. */
type Outcome = { value: unknown } | { error: unknown };

/** Most works in one transaction: all of them wait for the last one's end. */
const MAX_WORKS = 32;

const SAVEPOINT = CompiledQuery.raw('savepoint work');
const RELEASE = CompiledQuery.raw('release work');
const ROLLBACK = CompiledQuery.raw('rollback to work');

/**
 * Lets transactions that are asked for while another one is under way share the next one: each commit is a sync to disk,
 * which costs more than most of them do. Each work has a savepoint (some 10 µs): one that throws takes back what it did itself,
 * and the others do not notice. Only when the database itself fails is nothing stored, and each has a transaction of its own.
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
        const outcomes = [];
        for (const work of works) outcomes.push(await saved(trx, work, afterCommit));
        return outcomes;
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

/** One work among others: all of it or nothing. @throws StorageUnavailableError, which ends the transaction */
async function saved(trx: Transaction<Schema>, work: Work<unknown>, afterCommit: AfterCommit): Promise<Outcome> {
  const follows: (() => void)[] = [];
  await trx.executeQuery(SAVEPOINT);
  try {
    const value = await work(trx, (follow) => follows.push(follow));
    await trx.executeQuery(RELEASE);
    for (const follow of follows) afterCommit(follow);
    return { value };
  } catch (error) {
    // A full disk and the like have rolled back all of it by themselves.
    if (error instanceof StorageUnavailableError) throw error;
    await trx.executeQuery(ROLLBACK);
    await trx.executeQuery(RELEASE);
    return { error };
  }
}
