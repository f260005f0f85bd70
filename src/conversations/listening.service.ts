import { Inject, Injectable } from '@nestjs/common';
import { interval, exhaustMap, filter, map, merge, type Subscription } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { Batcher } from '../common/batcher.js';
import { CONFIG, type Config } from '../config/config.js';
import type { Settlement } from '../delivery/sink.js';
import { HistoryService } from '../history/history.service.js';
import { ChannelManager } from '../notifications/channel-manager.service.js';
import type { Covered } from '../notifications/coverage.js';
import type { TopicEvent, TopicRejected } from '../notifications/notifications.types.js';
import { Database } from '../storage/database.js';
import { ReplicaService } from '../storage/replica.service.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { acwTopic, conversationOfAcwTopic } from './acw-topic.js';
import { workOfEvent } from './after-call-work.event.js';
import type { AfterCallWork } from './after-call-work.js';
import { CaptureService, EventBufferFullError } from './capture.service.js';
import { ExpiryService } from './expiry.service.js';
import { IntakeService } from './intake.service.js';
import { InteractionRepository } from './interaction.repository.js';
import { InteractionService } from './interaction.service.js';
import { StorageRetry } from '../storage/storage-retry.js';
import { StepLog } from './step-log.js';

/** How often the interactions and channels of replicas that died are looked for. */
const TAKE_OVER_EVERY_MS = 5_000;
/**
 * How often it is looked whether an interaction of ours still waits for each of our topics: another replica may have
 * delivered, cancelled, completed by hand or taken over what we listen for, and tells us nothing.
 */
const RELEASE_SWEEP_MS = 10_000;
/** Most conversations in one statement. */
const MAX_BATCH = 500;
/** Most lists of conversations, of up to `MAX_BATCH` each, that are looked through together. */
const MAX_RELEASES = 4;

/**
 * Joins interactions and topics: who waits is listened for, what arrives is captured, what is covered is looked up, and
 * what nobody waits for is released.
 */
@Injectable()
export class ListeningService {
  private readonly log: Log;
  private readonly tasks: BackgroundTasks;
  private readonly retry: StorageRetry;
  private readonly releases = new Batcher<readonly string[], void>((lists) => this.releaseIdle(lists), MAX_RELEASES);
  /** Accepted since the current release asked who is idle: those must stay. */
  private readonly acceptedMeanwhile = new Set<string>();
  /** Topics with events that the full buffer could not take. At most as many as topics are wanted. */
  private readonly overflowed = new Set<string>();
  private subscriptions: Subscription[] = [];
  /** A lease has held before. */
  private resumed = false;
  /** How often the lease was lost. */
  private losses = 0;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
    private readonly manager: ChannelManager,
    private readonly interactions: InteractionRepository,
    private readonly intake: IntakeService,
    private readonly service: InteractionService,
    private readonly expiry: ExpiryService,
    private readonly capture: CaptureService,
    private readonly history: HistoryService,
    private readonly replica: ReplicaService,
    private readonly metrics: Metrics,
    private readonly steps: StepLog,
    logs: Logs,
  ) {
    this.log = logs.of('listening');
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'listening failed'));
    this.retry = new StorageRetry(this.log);
  }

  private get sweepMs(): number {
    return this.config.interactions.lookupSweepMs;
  }

  /** Begins to listen, first of all for what was waited for before a restart. */
  start(): void {
    this.history.onOutcome({
      settled: (trx, settlements, afterCommit) => this.service.settled(trx, settlements, afterCommit),
      replayed: (trx, deliveries) => this.service.replayed(trx, deliveries),
      discarded: (trx, deliveries) => this.service.discarded(trx, deliveries),
      afterSettled: (settlements) => this.afterSettled(settlements),
    });
    this.subscriptions = [
      this.manager.events$.subscribe((event) => this.onEvent(event)),
      this.manager.covered$.subscribe((covered) => this.onCovered(covered)),
      this.manager.uncovered$.subscribe((topics) => this.onUncovered(topics)),
      this.manager.rejected$.subscribe((rejected) => this.onRejected(rejected)),
      this.intake.accepted$.subscribe((conversationIds) => this.listenFor(conversationIds)),
      merge(this.intake.completedByHand$, this.service.cancelled$, this.expiry.expired$).subscribe((conversationId) =>
        this.release([conversationId]),
      ),
      interval(TAKE_OVER_EVERY_MS)
        .pipe(exhaustMap(() => this.takeOver()))
        .subscribe(),
      // Under SQLite there is no other replica.
      interval(RELEASE_SWEEP_MS)
        .pipe(
          filter(() => this.database.kind === 'postgres'),
          exhaustMap(() => this.releaseFinishedElsewhere()),
        )
        .subscribe(),
      this.replica.lost$.subscribe(() => this.suspend()),
      this.replica.state$
        .pipe(
          filter((state) => state === 'live'),
          map(() => undefined),
        )
        .subscribe(() => this.resumeSoon()),
    ];
  }

  /** Ends the listening. Channels stay at Genesys for the next process. */
  async stop(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.retry.stop();
    await this.tasks.idle();
  }

  /** Nobody may wait for these conversations any more: those for which that is so are unsubscribed. */
  release(conversationIds: readonly string[]): void {
    this.tasks.run('release', () => this.releases.add(conversationIds));
  }

  private async releaseIdle(lists: readonly (readonly string[])[]): Promise<void[]> {
    this.acceptedMeanwhile.clear();
    const conversationIds = [...new Set(lists.flat())];
    const idle = await this.retry.run('release', () => this.interactions.idleAmong(conversationIds, this.replica.id));
    this.manager.release(idle.filter((id) => !this.acceptedMeanwhile.has(id)).map(acwTopic));
    return lists.map(() => undefined);
  }

  /** Never rejects: the next sweep comes. */
  private async releaseFinishedElsewhere(): Promise<void> {
    const conversationIds = [...this.manager.wantedBy()].flatMap((topic) => conversationOfAcwTopic(topic) ?? []);
    try {
      for (let from = 0; from < conversationIds.length; from += MAX_BATCH) {
        await this.releases.add(conversationIds.slice(from, from + MAX_BATCH));
      }
    } catch (err) {
      this.log.warn({ err }, 'it could not be looked which topics nobody waits for');
    }
  }

  /** Somebody waits for these conversations. Idempotent. */
  listenFor(conversationIds: readonly string[]): void {
    for (const id of conversationIds) this.acceptedMeanwhile.add(id);
    const covered = this.manager.want(conversationIds.map(acwTopic));
    // A second agent's interaction, or one of a conversation that is followed live: nobody else tells that it is listened for.
    if (covered.length > 0) this.onCovered({ topics: covered });
  }

  private onEvent({ topic, body, receivedAt }: TopicEvent): void {
    if (conversationOfAcwTopic(topic) === undefined) return;
    const work = workOfEvent(topic, body);
    if (work) this.tasks.run('capture', () => this.captureOrRemember(topic, work, receivedAt));
    else this.log.warn('an after-call-work event without a readable body was dropped; its look-up will find the work');
  }

  private async captureOrRemember(topic: string, work: AfterCallWork, receivedAt: number): Promise<void> {
    try {
      await this.capture.capture(work, receivedAt);
    } catch (error) {
      if (!(error instanceof EventBufferFullError)) throw error;
      this.metrics.eventsOverflowed.inc();
      if (this.overflowed.size === 0) this.tasks.run('overflow', () => this.lookUpOverflowed(receivedAt));
      this.overflowed.add(topic);
    }
  }

  /** What the full buffer could not take is a gap of our own making: looked up as soon as the database is back. */
  private async lookUpOverflowed(since: number): Promise<void> {
    await this.retry.run('overflow', () => this.database.check());
    const topics = [...this.overflowed];
    this.overflowed.clear();
    this.manager.missed(topics, 'event buffer full', since);
  }

  private onCovered({ topics, gapId }: Covered): void {
    const conversationIds = topics.flatMap((topic) => conversationOfAcwTopic(topic) ?? []);
    for (let from = 0; from < conversationIds.length; from += MAX_BATCH) {
      const batch = conversationIds.slice(from, from + MAX_BATCH);
      this.tasks.run('listening', async () => {
        const listening = () => this.interactions.listening(batch, this.sweepMs, gapId);
        this.steps.tell('listening', await this.retry.run('listening', listening));
      });
    }
  }

  private onUncovered(topics: readonly string[]): void {
    const conversationIds = topics.flatMap((topic) => conversationOfAcwTopic(topic) ?? []);
    for (let from = 0; from < conversationIds.length; from += MAX_BATCH) {
      const batch = conversationIds.slice(from, from + MAX_BATCH);
      this.tasks.run('uncovered', () => this.retry.run('uncovered', () => this.storeUncovered(batch)));
    }
  }

  private async storeUncovered(conversationIds: readonly string[]): Promise<void> {
    await this.interactions.uncovered(conversationIds, this.sweepMs);
    // Those that have got a place meanwhile may have been stored as listened for before this.
    const covered = conversationIds.map(acwTopic).filter((topic) => this.manager.isCovered(topic));
    if (covered.length > 0) this.onCovered({ topics: covered });
  }

  private onRejected({ topic, reason }: TopicRejected): void {
    const conversationId = conversationOfAcwTopic(topic);
    if (conversationId === undefined) return;
    const message = `Genesys refuses the topic: ${reason}`.slice(0, 500);
    this.tasks.run('rejected', () =>
      this.retry.run('rejected', () =>
        this.interactions.rejected(conversationId, 'topic.rejected', message, this.sweepMs),
      ),
    );
  }

  /**
   * A topic is released when its record is delivered or will never be. And after a first failed attempt: an outage of
   * the history service must not use up topics, and the event is durable.
   */
  private afterSettled(settlements: readonly Settlement[]): void {
    const done = settlements.filter(({ state, attempts }) => state !== 'retry' || attempts === 1);
    if (done.length > 0) this.release(done.map(({ delivery }) => delivery.order_key));
  }

  private async takeOver(): Promise<void> {
    try {
      const dead = await this.replica.takeOver();
      if (dead.length > 0) await this.resume('take-over');
    } catch (err) {
      this.log.warn({ err }, 'cannot look for replicas that died');
    }
  }

  /** The lease holds, for the first time or again. */
  private resumeSoon(): void {
    const reason = this.resumed ? 'lease lost' : 'restart';
    this.resumed = true;
    this.tasks.run('resume', async () => {
      await this.retry.run('take over', () => this.replica.takeOver());
      await this.resume(reason);
    });
  }

  /** Goes on with whatever is ours by now. */
  private async resume(reason: string): Promise<void> {
    await this.retry.run('resume', async () => {
      const { losses } = this;
      const waited = await this.interactions.waitedForBy(this.replica.id);
      // What was read under a lease that is over may be another replica's: the next lease reads it again.
      if (this.replica.held && losses === this.losses) await this.manager.resume(waited.map(acwTopic), reason);
    });
  }

  /** Our lease is over: the channels and topics may be another replica's now. */
  private suspend(): void {
    this.losses += 1;
    this.tasks.run('suspend', () => this.manager.suspend());
  }
}
