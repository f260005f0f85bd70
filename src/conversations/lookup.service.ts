import { Inject, Injectable } from '@nestjs/common';
import { interval, type Subscription } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { CONFIG, type Config } from '../config/config.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { GapRepository } from '../notifications/gap.repository.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { InteractionRow } from '../storage/schema.js';
import { causeForLogs } from '../telemetry/error-serializer.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { BulkLookup, type Paused } from './bulk-lookup.js';
import { CaptureService } from './capture.service.js';
import { idsForLogs } from './correlation.js';
import { ExpiryService } from './expiry.service.js';
import type { Finding } from './finished-work.js';
import { type Outcome, outcomesOf } from './lookup-outcome.js';
import { type Reply, LookupRound } from './lookup-round.js';
import { failureWaitMs, lookupWait } from './lookup-schedule.js';
import { type DueLookups, type LookupLane, LookupRepository } from './lookup.repository.js';

/** How often it is looked whether something is due. */
const TICK_MS = 500;
/**
 * Due look-ups are put off by this while they are being made, so that a crash repeats and nobody doubles them: longer than a
 * round takes whose every request is not answered in time (a batch, its tenths, each alone, then singly).
 */
const PUT_OFF_MS = 5 * 60_000;
/**
 * A fifth of the request budget (60 of the usual 300) is kept from single requests, for bulk ones and channels; a second
 * fifth is for those who are asked for the last time.
 */
const SPARE_RESERVE = 1 / 5;
/** Most interactions that are asked for the last time in one round: each may cost a single request. */
const LAST_BATCH = 25;
/** Most that are asked for alone in one round: each may cost twice the time-out. */
const APART_BATCH = 8;
/** How many rounds of each lane are under way at once, so that one that is not answered holds up nobody else. */
const ROUNDS: Readonly<Record<LookupLane, number>> = { usual: 2, suspects: 2, apart: 2, last: 1 };
const LANES = Object.keys(ROUNDS) as LookupLane[];
/** How much longer than its time an interaction waits when its own look-ups fail. */
const LAST_LOOKUP_GRACE_MS = 60 * 60_000;

/**
 * Asks Genesys for work that no event told us of. Each waiting interaction has its time of the next look-up in the database:
 * who is due is asked for, what was found is stored, and the next look-up settled, in lanes that do not wait for each other. Nobody
 * expires before look-ups of both kinds about its conversation were answered, or failed because of it for an hour.
 */
@Injectable()
export class LookupService {
  private readonly log: Log;
  private readonly outage: OutageLog;
  private readonly bulk = new BulkLookup<Finding>((view) => this.tellPaused(view));
  /** In requests. */
  private readonly reserve: number;
  private readonly lastBatch: number;
  private subscription: Subscription | undefined;
  private readonly running: Record<LookupLane, number> = { usual: 0, suspects: 0, apart: 0, last: 0 };
  private readonly tasks: BackgroundTasks;
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
    this.tasks = new BackgroundTasks((error) => {
      if (!this.stopped.signal.aborted) this.outage.failed(error);
    });
    this.reserve = Math.floor(config.genesys.requestsPerMinute * SPARE_RESERVE);
    // Within the second fifth, whatever the budget.
    this.lastBatch = Math.min(LAST_BATCH, Math.max(1, Math.floor(this.reserve / 2)));
  }

  start(): void {
    this.subscription = interval(TICK_MS).subscribe(() => {
      for (const lane of LANES) if (this.running[lane] < ROUNDS[lane]) this.tasks.run(lane, () => this.lookUp(lane));
    });
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.subscription?.unsubscribe();
    await this.tasks.idle();
  }

  /** All that is due in this lane, batch after batch; of last questions one batch, so that others' come between. */
  private async lookUp(lane: LookupLane): Promise<void> {
    this.running[lane] += 1;
    try {
      let more = true;
      while (more && !this.stopped.signal.aborted && this.replica.state === 'live')
        more = (await this.round(lane)) && lane !== 'last';
    } finally {
      this.running[lane] -= 1;
    }
  }

  /** Whether to go on: somebody was due, there was room for it, and Genesys was there. */
  private async round(lane: LookupLane): Promise<boolean> {
    if (lane === 'last' && this.client.spare() <= this.reserve + this.lastBatch) return false;
    const limit = this.batchOf(lane);
    const due = await this.lookups.take({ owner: this.replica.id, lane, limit, putOffMs: PUT_OFF_MS });
    if (due.rows.length === 0) return false;
    const failure = await new LookupRound(this.client, this.bulk, {
      due,
      lane,
      reserve: { usual: 2 * this.reserve, last: this.reserve },
      signal: this.stopped.signal,
      replied: async (replies) => this.settle(due, outcomesOf(due, replies, await this.store(replies))),
    }).ask();
    if (failure === undefined) this.outage.recovered();
    return failure === undefined;
  }

  private batchOf(lane: LookupLane): number {
    if (lane === 'apart') return APART_BATCH;
    return lane === 'last' ? Math.min(this.lastBatch, this.bulk.most) : this.bulk.most;
  }

  private tellPaused({ state, error }: Paused): void {
    const what = state === 'out' ? 'Look-ups in bulk are out of order' : 'Genesys refuses look-ups in bulk';
    const why = state === 'forbidden' ? ' (does the OAuth client have analytics:conversationDetail:view?)' : '';
    this.log.warn({ cause: causeForLogs(error) }, `${what}${why}: asking singly for a while`);
  }

  /** Makes durable what was found. Answers the work that could not be stored, with the reason. */
  private async store(replies: ReadonlyMap<string, Reply>): Promise<Map<object, unknown>> {
    const receivedAt = Date.now();
    const works = [...replies.values()].flatMap((reply) => (reply.state === 'answered' ? reply.works : []));
    const refusals = await Promise.all(works.map((work) => this.capture.captureFound(work, receivedAt)));
    return new Map(works.flatMap((work, n) => (refusals[n] === undefined ? [] : [[work, refusals[n]] as const])));
  }

  private async settle({ now }: DueLookups, outcomes: ReadonlyMap<InteractionRow, Outcome>): Promise<void> {
    const rowsThat = (state: Outcome['state']): InteractionRow[] =>
      [...outcomes.keys()].filter((row) => outcomes.get(row)?.state === state);
    const [found, open, over] = [rowsThat('found'), rowsThat('open'), rowsThat('over')];
    this.count({ found: found.length, open: open.length + over.length });
    await this.countGaps([...found, ...open, ...over], new Set(found));
    await this.expiry.expire(idsOf(over));
    await this.scheduleNext(open);
    await this.suspect(rowsThat('suspected'));
    await this.setApart(rowsThat('culprit'));
    await this.putOff(outcomes);
    await this.report(now, outcomes);
  }

  private async scheduleNext(open: readonly InteractionRow[]): Promise<void> {
    const sweepMs = this.config.interactions.lookupSweepMs;
    for (const [series, rows] of Map.groupBy(open, (row) => row.lookup_series)) {
      for (const [made, alike] of Map.groupBy(rows, (row) => row.lookup_step + 1)) {
        await this.lookups.schedule(alike, made, lookupWait(series, made, sweepMs));
      }
    }
  }

  private async suspect(rows: readonly InteractionRow[]): Promise<void> {
    if (rows.length > 0) await this.lookups.suspect(idsOf(rows));
  }

  private async setApart(rows: readonly InteractionRow[]): Promise<void> {
    if (rows.length === 0) return;
    const conversations = [...new Set(rows.map((row) => row.conversation_id))];
    this.log.warn({ conversations }, 'these conversations spoil look-ups in bulk: asked for alone from now on');
    await this.lookups.setApart(idsOf(rows));
  }

  private async putOff(outcomes: ReadonlyMap<InteractionRow, Outcome>): Promise<void> {
    const unasked = [...outcomes].flatMap(([row, outcome]) => (outcome.state === 'unasked' ? [{ row, outcome }] : []));
    if (unasked.length === 0) return;
    const failed = unasked.filter(({ outcome }) => outcome.failure !== undefined);
    if (failed.length > 0) this.outage.failed(failed[0]?.outcome.failure, { interactions: failed.length });
    this.count({ failed: failed.length });
    const waitMs = failureWaitMs(0, this.config.interactions.lookupSweepMs);
    await this.lookups.putOff(
      unasked.map(({ row }) => row),
      waitMs,
    );
  }

  /** Those whose own look-up failed say so, and are asked for with growing waits; in the end they expire all the same. */
  private async report(now: number, outcomes: ReadonlyMap<InteractionRow, Outcome>): Promise<void> {
    const { lookupSweepMs, ttlMs } = this.config.interactions;
    const graceMs = Math.min(LAST_LOOKUP_GRACE_MS, ttlMs);
    for (const [row, outcome] of outcomes) {
      if (outcome.state !== 'failed') continue;
      const { error, code, message } = outcome;
      this.count({ [code === 'lookup.failed' ? 'failed' : 'unstorable']: 1 });
      // A database's message may quote the values, which are a customer's; ours has its name and code.
      const cause = code === 'lookup.failed' ? { cause: causeForLogs(error) } : {};
      const facts = { ...cause, ...idsForLogs(row), code };
      if (row.lookup_failures === 0 || row.last_error_code !== code)
        this.log.warn(facts, `${message} It is looked up again with growing waits.`);
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
