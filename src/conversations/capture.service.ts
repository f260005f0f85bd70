import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Batcher } from '../common/batcher.js';
import { SparseCount } from '../common/sparse-count.js';
import { CONFIG, type Config } from '../config/config.js';
import type { HandOver } from '../delivery/hand-over.js';
import { Outbox } from '../delivery/outbox.js';
import { HistoryService } from '../history/history.service.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import type { HistoryRecord } from '../history/record.js';
import type { AfterCommit } from '../storage/after-commit.js';
import { Database } from '../storage/database.js';
import type { InteractionRow, Schema } from '../storage/schema.js';
import { StorageRetry } from '../storage/storage-retry.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import { kindForLogs } from '../telemetry/error-serializer.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import type { AfterCallWork } from './after-call-work.js';
import { recordOfWork } from './interaction-record.js';
import { type InteractionChange, InteractionFollowers } from './interaction-followers.js';
import { InteractionRepository } from './interaction.repository.js';
import { LookupRepository } from './lookup.repository.js';
import { byRank } from './precedence.js';
import { RecentWork } from './recent-work.js';
import { StepLog } from './step-log.js';
import { type Completion, heardTooOld, matchWork } from './work-matching.js';
import { WrapupNames } from './wrapup-names.service.js';

/** Most events in one transaction. */
const MAX_BATCH = 500;
/** As many events wait for the database as may (`EVENT_BUFFER_MAX`): this one is dropped, and its work looked up. */
export class EventBufferFullError extends Error {
  constructor() {
    super('EVENT_BUFFER_MAX events wait for the database already');
  }
}

/** What became of one piece of work. */
interface Stored {
  /** How many interactions it completed. */
  completed: number;
  /** Why it could not be stored, for another reason than an outage. */
  refusal: unknown;
}

/** One piece of after-call work, and when it reached us. */
interface Received {
  work: AfterCallWork;
  receivedAt: number;
}

/**
 * Makes after-call work durable: the interactions that it completes become captured and their records go into the
 * outbox, in one transaction for all that has arrived together. Nothing else happens with an event before that.
 */
@Injectable()
export class CaptureService {
  private readonly log: Log;
  private readonly recent = new RecentWork();
  private readonly retry: StorageRetry;
  private readonly batcher = new Batcher<Received, Stored>((batch) => this.persist(batch), MAX_BATCH);
  private readonly tooOld: SparseCount;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
    private readonly interactions: InteractionRepository,
    private readonly lookups: LookupRepository,
    private readonly history: HistoryService,
    private readonly outbox: Outbox,
    private readonly metrics: Metrics,
    private readonly followers: InteractionFollowers,
    private readonly steps: StepLog,
    private readonly names: WrapupNames,
    logs: Logs,
  ) {
    this.log = logs.of('capture');
    this.retry = new StorageRetry(this.log);
    this.tooOld = new SparseCount((events) =>
      this.log.warn(
        { events },
        "after-call work ended more than 60 s before its interaction by Genesys' clock: looked up; do the clocks of the database and of Genesys agree?",
      ),
    );
  }

  /** Events that are not durable yet. */
  get waiting(): number {
    return this.batcher.waiting;
  }

  /**
   * Resolves when the work is durable, with the number of interactions that it completed. While the database does not
   * answer it waits. What cannot be stored for another reason is logged, and its interaction left to look-ups. Rejects after `stop`.
   * @throws EventBufferFullError
   */
  async capture(work: AfterCallWork, receivedAt: number): Promise<number> {
    if (this.batcher.waiting >= this.config.interactions.eventBufferMax) throw new EventBufferFullError();
    return (await this.batcher.add({ work, receivedAt })).completed;
  }

  /**
   * The same for work that a look-up found: it is no part of the buffer's limit, since look-ups wait for their answer. Resolves
   * with the reason when it cannot be stored; the look-up has to tell.
   */
  async captureFound(work: AfterCallWork, receivedAt: number): Promise<unknown> {
    return (await this.batcher.add({ work, receivedAt })).refusal;
  }

  /**
   * Work of interactions that have expired, found by a late look-up: whoever still is expired becomes captured all the same. The
   * work of who was only alerted counts, too, after that of others. Answers how many.
   * @throws StorageUnavailableError
   */
  async captureLate(works: ReadonlySet<AfterCallWork>, expired: readonly InteractionRow[]): Promise<number> {
    const ranked = [...works].toSorted(byRank).map(({ outranked: _outranked, ...work }) => work);
    const matched = matchWork(ranked, expired);
    if (matched.length === 0) return 0;
    const receivedAt = Date.now();
    return this.database.transaction(async (trx, afterCommit) => {
      const ids = matched.map(({ interaction }) => interaction.id);
      const captured = await this.interactions.captureExpired(trx, ids);
      const completions = matched.filter(({ interaction }) => captured.has(interaction.id));
      await this.record(trx, completions, () => receivedAt, { afterCommit });
      afterCommit(() => this.outbox.wake([HISTORY_SINK]));
      return completions.length;
    });
  }

  /** Gives up waiting for a database that does not answer. */
  stop(): void {
    this.retry.stop();
  }

  private async persist(batch: Received[]): Promise<Stored[]> {
    const refusals = new Map<AfterCallWork, unknown>();
    const completions = await this.commitPatiently(batch, refusals);
    const counts = new Map<AfterCallWork, number>();
    for (const { work } of completions) counts.set(work, (counts.get(work) ?? 0) + 1);
    return batch.map(({ work }) => {
      const count = counts.get(work) ?? 0;
      if (this.recent.isRepeat(work, count > 0)) this.metrics.duplicatesDropped.inc();
      return { completed: count, refusal: refusals.get(work) };
    });
  }

  private tell(completions: readonly Completion[]): void {
    const found = completions.filter(({ work }) => work.obtainedBy === 'lookup').length;
    if (found > 0) this.metrics.captured.inc({ obtained_by: 'lookup' }, found);
    if (found < completions.length) this.metrics.captured.inc({ obtained_by: 'event' }, completions.length - found);
    for (const { interaction, work } of completions) {
      this.steps.tell('captured', [interaction], { obtainedBy: work.obtainedBy });
    }
  }

  /** One event that cannot be stored must not take the others of its batch with it: then each goes alone. */
  private async commitPatiently(batch: Received[], refusals: Map<AfterCallWork, unknown>): Promise<Completion[]> {
    try {
      return await this.retry.run('capture', () => this.commit(batch));
    } catch (error) {
      if (error instanceof StorageUnavailableError) throw error;
      const [only] = batch;
      if (batch.length === 1 && only) {
        refusals.set(only.work, error);
        const { conversationId: conversation, obtainedBy } = only.work;
        // Of what a look-up found the look-up tells, once.
        if (obtainedBy === 'event')
          this.log.error({ kind: kindForLogs(error), conversation }, 'after-call work could not be stored');
        return [];
      }
      const alone = [];
      for (const each of batch) alone.push(...(await this.commitPatiently([each], refusals)));
      return alone;
    }
  }

  /** The records go straight to the sink, as far as it has room for them; a look for the rest is ordered. */
  private async commit(batch: Received[]): Promise<Completion[]> {
    const handOver = this.outbox.handOver(HISTORY_SINK, batch.length);
    try {
      const completions = await this.completeIn(batch, handOver);
      handOver.committed();
      return completions;
    } catch (error) {
      handOver.failed();
      throw error;
    }
  }

  private async completeIn(batch: Received[], handOver: HandOver): Promise<Completion[]> {
    const receivedAt = new Map(batch.map((each) => [each.work, each.receivedAt]));
    const conversations = [...new Set(batch.map(({ work }) => work.conversationId))];
    return this.database.transaction(async (trx, afterCommit) => {
      const waiting = await this.interactions.waitingFor(trx, conversations);
      const works = batch.map(({ work }) => work);
      const tooOld = heardTooOld(works, waiting);
      if (tooOld.length > 0) await this.lookUpInstead(trx, tooOld, afterCommit);
      const matched = matchWork(works, waiting);
      if (matched.length === 0) return [];
      const completions = [...(await this.take(trx, matched, 'event')), ...(await this.take(trx, matched, 'lookup'))];
      await this.record(trx, completions, (work) => receivedAt.get(work), { to: handOver, afterCommit });
      return completions;
    });
  }

  /** Their records into the outbox, and who follows them is told. */
  private async record(
    trx: Transaction<Schema>,
    completions: readonly Completion[],
    receivedAt: (work: AfterCallWork) => number | undefined,
    { to, afterCommit }: { to?: HandOver; afterCommit: AfterCommit },
  ): Promise<void> {
    const now = Date.now();
    const records = completions.map(({ interaction, work }) => recordOfWork(interaction, this.named(work), now));
    const drafts = records.map((record, n) => {
      const { interaction, work } = completions[n] as Completion;
      return this.history.draft(record, receivedAt(work) ?? now, interaction.correlation_id);
    });
    await this.outbox.enqueue(trx, drafts, to && { to, afterCommit });
    await this.followers.changed(trx, () => completions.map((each, n) => changeOf(each, records[n])), afterCommit);
    afterCommit(() => this.tell(completions));
  }

  /** A single look-up tells the code's name itself. */
  private named(work: AfterCallWork): AfterCallWork {
    const wrapupName = work.wrapupName ?? this.names.nameOf(work.wrapupCode);
    return wrapupName === undefined ? work : { ...work, wrapupName };
  }

  /** Their events are older than they are: a look-up compares the clocks, and finds the work where it is really theirs. */
  private async lookUpInstead(
    trx: Transaction<Schema>,
    tooOld: readonly InteractionRow[],
    afterCommit: AfterCommit,
  ): Promise<void> {
    await this.lookups.beginAnew(
      trx,
      tooOld.map((row) => row.id),
      this.config.interactions.lookupSweepMs,
    );
    afterCommit(() => {
      this.metrics.eventsTooOld.inc(tooOld.length);
      this.tooOld.add(tooOld.length);
    });
  }

  /** Those completions by this kind of source whose interaction still waited. */
  private async take(
    trx: Transaction<Schema>,
    matched: Completion[],
    obtainedBy: AfterCallWork['obtainedBy'],
  ): Promise<Completion[]> {
    const ours = matched.filter(({ work }) => work.obtainedBy === obtainedBy);
    if (ours.length === 0) return [];
    const ids = ours.map(({ interaction }) => interaction.id);
    const captured = await this.interactions.capture(trx, ids, obtainedBy === 'event');
    return ours.filter(({ interaction }) => captured.has(interaction.id));
  }
}

function changeOf({ interaction }: Completion, record: HistoryRecord | undefined): InteractionChange {
  return { kind: 'acw', interaction, record: record as HistoryRecord };
}
