import { Inject, Injectable } from '@nestjs/common';
import { exhaustMap, interval, type Subscription } from 'rxjs';
import { CONFIG, type Config } from '../config/config.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { GenesysRequestError } from '../genesys/genesys.errors.js';
import { GapRepository } from '../notifications/gap.repository.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { InteractionRow } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import type { AfterCallWork } from './after-call-work.js';
import { CaptureService } from './capture.service.js';
import { ExpiryService } from './expiry.service.js';
import { type Finding, workOfAnalytics, workOfConversation } from './finished-work.js';
import { InteractionRepository } from './interaction.repository.js';
import { nextLookupMs } from './lookup-schedule.js';
import { completes } from './work-matching.js';

/** How often it is looked whether something is due. */
const TICK_MS = 500;
/** Ids of one bulk request; what production clients send (wire facts §5.3). */
const BULK_SIZE = 100;
/** Due look-ups are put off by this while they are being made, so that a crash repeats and nobody doubles them. */
const PUT_OFF_MS = 60_000;
/** Wait after look-ups that failed. */
const AFTER_FAILURE_MS = 15_000;
/** Single requests leave this much of the budget to bulk ones and to channels. */
const SPARE_RESERVE = 60;
/** Answers that say something about the request or our permissions, not about Genesys' state. */
const REFUSED = [400, 403, 404, 405];
/** How much longer than its time an interaction waits for its last look-up when Genesys does not answer. */
const LAST_LOOKUP_GRACE_MS = 60 * 60_000;

/**
 * Asks Genesys for work that no event told us of: in bulk first, singly where the answer leaves it open. Each waiting
 * interaction has its time of the next look-up in the database; an interaction expires only after a last one.
 */
@Injectable()
export class LookupService {
  private readonly log: Log;
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();
  private readonly stopped = new AbortController();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly client: GenesysClient,
    private readonly interactions: InteractionRepository,
    private readonly expiry: ExpiryService,
    private readonly capture: CaptureService,
    private readonly gaps: GapRepository,
    private readonly replica: ReplicaService,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('lookups');
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

  /** All that is due, batch after batch. Never rejects. */
  private async lookUpDue(): Promise<void> {
    try {
      for (;;) {
        if (this.stopped.signal.aborted || this.replica.state !== 'live') return;
        const due = await this.interactions.takeDueLookups(this.replica.id, BULK_SIZE, PUT_OFF_MS);
        if (due.length === 0) return;
        if (!(await this.lookUp(due))) return;
      }
    } catch (err) {
      this.log.warn({ err }, 'look-ups could not be made');
    }
  }

  /** False when Genesys could not be asked or the answer could not be stored: the rest waits too. */
  private async lookUp(due: InteractionRow[]): Promise<boolean> {
    try {
      const found = await this.ask(due);
      const receivedAt = Date.now();
      await Promise.all([...found.values()].flat().map((work) => this.capture.captureFound(work, receivedAt)));
      await this.afterAnswer(due, found);
      return true;
    } catch (err) {
      if (this.stopped.signal.aborted) return false;
      this.log.warn({ err, interactions: due.length }, 'a look-up failed, trying again');
      this.metrics.lookups.inc({ result: 'failed' }, due.length);
      await this.afterFailure(due);
      return false;
    }
  }

  /** The finished work of these interactions' conversations that completes at least one of them. */
  private async ask(due: InteractionRow[]): Promise<Map<string, AfterCallWork[]>> {
    const byConversation = Map.groupBy(due, (row) => row.conversation_id);
    const findings = await this.askInBulk([...byConversation.keys()]);
    const found = new Map<string, AfterCallWork[]>();
    for (const [conversationId, rows] of byConversation) {
      const finding = findings.get(conversationId);
      let works = fitting(finding, rows);
      if (works.length === 0 && this.deservesSingle(finding, rows)) {
        works = fitting(await this.askSingly(conversationId), rows);
      }
      if (works.length > 0) found.set(conversationId, works);
    }
    return found;
  }

  /** Analytics needs a permission of its own: an OAuth client without it still has the single request. */
  private async askInBulk(conversationIds: string[]): Promise<Map<string, Finding>> {
    try {
      const answers = await this.client.conversationDetails(conversationIds, { signal: this.stopped.signal });
      return new Map(answers.map((each) => [each.conversationId?.toLowerCase() ?? '', workOfAnalytics(each)]));
    } catch (err) {
      if (!isRefused(err)) throw err;
      this.log.warn({ err }, 'Genesys refuses look-ups in bulk (analytics:conversationDetail:view?), asking singly');
      return new Map();
    }
  }

  private async askSingly(conversationId: string): Promise<Finding | undefined> {
    try {
      const conversation = await this.client.conversation(conversationId, { signal: this.stopped.signal });
      return conversation && workOfConversation(conversationId, conversation);
    } catch (err) {
      if (!isRefused(err)) throw err;
      this.log.warn({ err }, 'Genesys refuses a single look-up (conversation:communication:view?)');
      return undefined;
    }
  }

  /** A single request each would soon use up the budget: only where bulk leaves it open, or for the last time. */
  private deservesSingle(finding: Finding | undefined, rows: InteractionRow[]): boolean {
    const last = rows.some((row) => row.expires_at <= Date.now());
    return last || ((finding === undefined || finding.unclear) && this.client.spare() > SPARE_RESERVE);
  }

  private async afterAnswer(due: InteractionRow[], found: Map<string, AfterCallWork[]>): Promise<void> {
    const done = due.filter((row) => (found.get(row.conversation_id) ?? []).some((work) => completes(work, row)));
    const open = due.filter((row) => !done.includes(row));
    if (done.length > 0) this.metrics.lookups.inc({ result: 'found' }, done.length);
    if (open.length > 0) this.metrics.lookups.inc({ result: 'open' }, open.length);
    await this.countGaps(due, new Set(done));
    await this.expiry.expire(idsOf(open.filter((row) => row.expires_at <= Date.now())));
    for (const [step, rows] of Map.groupBy(open, (row) => row.lookup_step)) {
      const inMs = nextLookupMs(step, this.config.interactions.lookupSweepMs);
      await this.interactions.scheduleLookups(idsOf(rows), step + 1, inMs);
    }
  }

  private async afterFailure(due: InteractionRow[]): Promise<void> {
    const waitMs = Math.min(AFTER_FAILURE_MS, this.config.interactions.lookupSweepMs);
    const graceMs = Math.min(LAST_LOOKUP_GRACE_MS, this.config.interactions.ttlMs);
    await this.expiry.expire(idsOf(due.filter((row) => row.expires_at + graceMs <= Date.now())));
    for (const [step, rows] of Map.groupBy(due, (row) => row.lookup_step)) {
      await this.interactions.scheduleLookups(idsOf(rows), step, waitMs);
    }
  }

  private async countGaps(due: InteractionRow[], done: Set<InteractionRow>): Promise<void> {
    for (const [gapId, rows] of Map.groupBy(due, (row) => row.gap_id)) {
      if (gapId === null) continue;
      const first = rows.filter((row) => row.lookup_step === 0).length;
      const recovered = rows.filter((row) => done.has(row)).length;
      if (first + recovered > 0) await this.gaps.countLookedUp(gapId, first, recovered);
    }
  }
}

/** The request itself is refused, and will be again: waiting changes nothing. */
function isRefused(error: unknown): boolean {
  return error instanceof GenesysRequestError && REFUSED.includes(error.status);
}

function fitting(finding: Finding | undefined, rows: InteractionRow[]): AfterCallWork[] {
  const works = (finding?.finished ?? []).filter((work) => rows.some((row) => completes(work, row)));
  return works.sort((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0));
}

function idsOf(rows: readonly InteractionRow[]): string[] {
  return rows.map((row) => row.id);
}
