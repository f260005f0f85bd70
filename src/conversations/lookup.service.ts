import { Inject, Injectable } from '@nestjs/common';
import { exhaustMap, interval, type Subscription } from 'rxjs';
import { CONFIG, type Config } from '../config/config.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { GapRepository } from '../notifications/gap.repository.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { InteractionRow } from '../storage/schema.js';
import { causeForLogs } from '../telemetry/error-serializer.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { BulkLookup } from './bulk-lookup.js';
import { CaptureService } from './capture.service.js';
import { ExpiryService } from './expiry.service.js';
import type { Finding } from './finished-work.js';
import { blameOf } from './lookup-blame.js';
import { type Outcome, outcomesOf } from './lookup-outcome.js';
import { type Reply, LookupRound } from './lookup-round.js';
import { failureWaitMs, nextLookupMs } from './lookup-schedule.js';
import { type DueLookups, LookupRepository } from './lookup.repository.js';

/** How often it is looked whether something is due. */
const TICK_MS = 500;
/** Due look-ups are put off by this while they are being made, so that a crash repeats and nobody doubles them. */
const PUT_OFF_MS = 60_000;
/**
 * A fifth of the request budget (60 of the usual 300) is kept from single requests, for bulk ones and channels; a second
 * fifth is for those who are asked for the last time.
 */
const SPARE_RESERVE = 1 / 5;
/** Most interactions that are asked for the last time in one round: each may cost a single request. */
const LAST_BATCH = 25;
/** Every tenth round is for them also while others are due, so that they do not wait for ever. */
const LAST_TURN = 10;
/** How much longer than its time an interaction waits when its own look-ups fail. */
const LAST_LOOKUP_GRACE_MS = 60 * 60_000;

/**
 * Asks Genesys for work that no event told us of. Each waiting interaction has its time of the next look-up in the database.
 * Nobody expires before a single request about its conversation was answered, or failed because of it for an hour.
 */
@Injectable()
export class LookupService {
  private readonly log: Log;
  private readonly outage: OutageLog;
  private readonly bulk = new BulkLookup<Finding>();
  /** In requests. */
  private readonly reserve: number;
  private readonly lastBatch: number;
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();
  private readonly stopped = new AbortController();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly client: GenesysClient,
    private readonly lookups: LookupRepository,
    private readonly expiry: ExpiryService,
    private readonly capture: CaptureService,
    private readonly gaps: GapRepository,
    private readonly replica: ReplicaService,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('lookups');
    this.outage = new OutageLog(this.log, 'look-ups');
    this.reserve = Math.floor(config.genesys.requestsPerMinute * SPARE_RESERVE);
    // Within the second fifth, whatever the budget.
    this.lastBatch = Math.min(LAST_BATCH, Math.max(1, Math.floor(this.reserve / 2)));
  }

  start(): void {
    this.subscription = interval(TICK_MS)
      .pipe(exhaustMap(() => (this.running = this.lookUpDue())))
      .subscribe();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.subscription?.unsubscribe();
    await this.running;
  }

  /** All that is due, batch after batch: those who wait first, then those whose time is over. Never rejects. */
  private async lookUpDue(): Promise<void> {
    try {
      for (let round = 1; !this.stopped.signal.aborted && this.replica.state === 'live'; round++) {
        const begun =
          (round % LAST_TURN === 0 && (await this.round(true))) ||
          (await this.round(false)) ||
          (await this.round(true));
        if (begun !== 'asked') return;
      }
    } catch (err) {
      if (!this.stopped.signal.aborted) this.outage.failed(err);
    }
  }

  /** `away`: Genesys could not be asked, the rest waits too. Undefined: nothing to ask, or no room for it. */
  private async round(last: boolean): Promise<'asked' | 'away' | undefined> {
    if (last && this.client.spare() <= this.reserve + this.lastBatch) return undefined;
    const limit = last ? Math.min(this.lastBatch, this.bulk.most) : this.bulk.most;
    const due = await this.lookups.take({ owner: this.replica.id, last, limit, putOffMs: PUT_OFF_MS });
    if (due.rows.length === 0) return undefined;
    const terms = { due, last, reserve: 2 * this.reserve, signal: this.stopped.signal };
    const { replies, culprits, failure, refused } = await new LookupRound(this.client, this.bulk, terms).ask();
    if (failure === undefined) this.outage.recovered();
    if (refused !== undefined)
      this.log.warn(
        { cause: causeForLogs(refused) },
        'Genesys refuses look-ups in bulk (does the OAuth client have analytics:conversationDetail:view?): asking singly for 10 min',
      );
    await this.setApart(due.rows, culprits);
    const unstored = await this.store(replies);
    await this.settle(due, outcomesOf(due.rows, replies, unstored, last), failure);
    return failure === undefined ? 'asked' : 'away';
  }

  private async setApart(rows: readonly InteractionRow[], conversations: readonly string[]): Promise<void> {
    if (conversations.length === 0) return;
    this.log.warn({ conversations }, 'these conversations spoil look-ups in bulk: asked for alone from now on');
    await this.lookups.setApart(idsOf(rows.filter((row) => conversations.includes(row.conversation_id))));
  }

  /** Makes durable what was found. Answers the work that could not be stored, with the reason. */
  private async store(replies: ReadonlyMap<string, Reply>): Promise<Map<object, unknown>> {
    const receivedAt = Date.now();
    const works = [...replies.values()].flatMap((reply) => (reply.state === 'answered' ? reply.works : []));
    const refusals = await Promise.all(works.map((work) => this.capture.captureFound(work, receivedAt)));
    return new Map(works.flatMap((work, n) => (refusals[n] === undefined ? [] : [[work, refusals[n]] as const])));
  }

  private async settle(
    due: DueLookups,
    outcomes: ReadonlyMap<InteractionRow, Outcome>,
    failure: unknown,
  ): Promise<void> {
    const rowsThat = (state: Outcome['state']): InteractionRow[] =>
      due.rows.filter((row) => outcomes.get(row)?.state === state);
    const [found, open, over] = [rowsThat('found'), rowsThat('open'), rowsThat('over')];
    this.count({ found: found.length, open: open.length + over.length });
    await this.countGaps([...found, ...open, ...over], new Set(found));
    await this.expiry.expire(idsOf(over));
    for (const [step, rows] of Map.groupBy(open, (row) => row.lookup_step)) {
      const inMs = nextLookupMs(step, this.config.interactions.lookupSweepMs);
      await this.lookups.schedule(idsOf(rows), step + 1, inMs);
    }
    await this.putOff(rowsThat('unasked'), failure);
    await this.report(due, outcomes);
  }

  private async putOff(rows: InteractionRow[], failure: unknown): Promise<void> {
    if (rows.length === 0) return;
    if (failure !== undefined) {
      this.outage.failed(failure, { interactions: rows.length });
      this.count({ failed: rows.length });
    }
    const waitMs = failureWaitMs(0, this.config.interactions.lookupSweepMs);
    await this.lookups.putOff(idsOf(rows), waitMs, failure !== undefined && blameOf(failure) === 'passing');
  }

  /** Those whose own look-up failed say so, and are asked for with growing waits; in the end they expire all the same. */
  private async report({ now }: DueLookups, outcomes: ReadonlyMap<InteractionRow, Outcome>): Promise<void> {
    const { lookupSweepMs, ttlMs } = this.config.interactions;
    const graceMs = Math.min(LAST_LOOKUP_GRACE_MS, ttlMs);
    for (const [row, outcome] of outcomes) {
      if (outcome.state !== 'failed') continue;
      const { error, code, message } = outcome;
      this.count({ [code === 'lookup.failed' ? 'failed' : 'unstorable']: 1 });
      // A database's message may quote the values, which are a customer's; ours has its name and code.
      const cause = code === 'lookup.failed' ? { cause: causeForLogs(error) } : {};
      const facts = { ...cause, interaction: row.id, conversation: row.conversation_id, code };
      if (row.lookup_failures === 0) this.log.warn(facts, `${message} It is looked up again with growing waits.`);
      else this.log.debug(facts, message);
      await this.lookups.fail([row.id], { code, message }, failureWaitMs(row.lookup_failures, lookupSweepMs));
      if (row.expires_at + graceMs <= now) await this.expiry.expire([row.id]);
    }
  }

  private count(results: Record<string, number>): void {
    for (const [result, number] of Object.entries(results))
      if (number > 0) this.metrics.lookups.inc({ result }, number);
  }

  private async countGaps(answered: InteractionRow[], found: Set<InteractionRow>): Promise<void> {
    for (const [gapId, rows] of Map.groupBy(answered, (row) => row.gap_id)) {
      if (gapId === null) continue;
      const first = rows.filter((row) => row.lookup_step === 0).length;
      const recovered = rows.filter((row) => found.has(row)).length;
      if (first + recovered > 0) await this.gaps.countLookedUp(gapId, first, recovered);
    }
  }
}

function idsOf(rows: readonly InteractionRow[]): string[] {
  return rows.map((row) => row.id);
}
