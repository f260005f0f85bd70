import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { ReplicaService } from '../storage/replica.service.js';
import { StorageRetry } from '../storage/storage-retry.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { Coverage, type Covered, type GapOpened } from './coverage.js';
import { GapRepository } from './gap.repository.js';

/** A gap as others are told of it; `to` (epoch ms) once it is over. */
export type GapTold = GapOpened & { to?: number };

/**
 * Most notes of gaps that wait for the database; each is some 200 bytes. An outage with more than 500 gaps has one cause,
 * and its look-ups do not depend on the notes.
 */
const MAX_WAITING = 1_000;

/** Coverage with a memory: gaps are logged, counted and stored, also those of a time in which the database is away. */
@Injectable()
export class GapRecorder {
  private coverage: Coverage;
  private readonly tasks: BackgroundTasks;
  private readonly log: Log;
  /** A gap may end before its row is written: each write waits for the one before it. */
  private writes: Promise<unknown> = Promise.resolve();
  private readonly retry: StorageRetry;
  private full = false;
  /** Each gap when it begins, and when it is over. */
  readonly told$: Observable<GapTold>;
  private readonly told = new Subject<GapTold>();
  /** When the last gap ended, epoch ms; undefined when there was none in this process. For health. */
  lastEndedAt: number | undefined;

  constructor(
    private readonly gaps: GapRepository,
    private readonly replica: ReplicaService,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('gaps');
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'a gap could not be stored'));
    this.retry = new StorageRetry(this.log);
    this.told$ = this.told.asObservable();
    this.coverage = this.newCoverage();
  }

  /** How many gaps are open now. */
  get open(): number {
    return this.coverage.openGapIds.length;
  }

  /** How many topics are covered now. */
  get covered(): number {
    return this.coverage.size;
  }

  isCovered(topic: string): boolean {
    return this.coverage.isCovered(topic);
  }

  lost(topics: Iterable<string>, reason: string, from: number, channelNo: number | undefined): void {
    this.coverage.lost(topics, reason, from, channelNo);
  }

  gained(topics: Iterable<string>): Covered[] {
    return this.coverage.gained(topics);
  }

  forget(topic: string): void {
    this.coverage.forget(topic);
  }

  /** Ends the gaps that a process which is no more had left open, and those that `forgetAll` left. */
  closeInherited(): void {
    this.write(() => this.gaps.closeAllOf(this.replica.id, Date.now(), this.coverage.openGapIds));
  }

  /** Nothing is ours to cover any more. */
  forgetAll(): void {
    this.coverage = this.newCoverage();
  }

  /** Resolves when all is written. */
  async idle(): Promise<void> {
    await this.tasks.idle();
  }

  /** Writes what can be written now: without the database the rest stays unwritten, and the next process ends its gaps. */
  async stop(): Promise<void> {
    this.retry.stop();
    await this.tasks.idle();
  }

  private newCoverage(): Coverage {
    return new Coverage(
      (gap) => this.opened(gap),
      (gap, durationMs) => this.ended(gap, durationMs),
    );
  }

  private opened(gap: GapOpened): void {
    this.log.warn({ gap: gap.id, channel: gap.channelNo, reason: gap.reason, topics: gap.topics }, 'gap begins');
    this.metrics.gaps.inc();
    this.write(() => this.gaps.open({ ...gap, owner: this.replica.id }));
    this.told.next(gap);
  }

  private ended(gap: GapOpened, durationMs: number): void {
    const to = gap.from + durationMs;
    const seconds = durationMs / 1000;
    this.log.info({ gap: gap.id, channel: gap.channelNo, seconds }, 'gap ended');
    this.metrics.gapSeconds.inc(seconds);
    this.lastEndedAt = to;
    this.write(() => this.gaps.close(gap.id, to));
    this.told.next({ ...gap, to });
  }

  private write(work: () => Promise<void>): void {
    if (this.tasks.size >= MAX_WAITING) {
      if (!this.full) this.log.warn({ waiting: MAX_WAITING }, 'gaps are no longer noted until the database is back');
      this.full = true;
      return;
    }
    this.full = false;
    const written = this.writes.then(() => this.retry.run('gap', work));
    this.writes = written.catch(() => undefined);
    this.tasks.run('gap', () => written);
  }
}
