import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { AuditLog } from '../audit/audit-log.js';
import { DeadLetters } from '../delivery/dead-letters.js';
import { Database } from '../storage/database.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { DeliveryRow, ReplayAction, ReplayJobRow, Schema } from '../storage/schema.js';
import { canonicalFilter, parseFilter } from './replay-filter.js';
import type { ReplayFilter } from './replay-filter.js';
import { ReplayRunner } from './replay-runner.service.js';
import { ReplayConflictError, ReplayNotFoundError, TooManyReplaysError } from './replay.errors.js';
import { ReplayRepository } from './replay.repository.js';

/** Each has a rate of its own and they add up at the receiver; nobody has use for more at once. */
const MAX_RUNNING = 5;

export interface ReplayRequest {
  action: ReplayAction;
  /** Of a discard: why. */
  reason?: string | undefined;
  filter: ReplayFilter;
  ratePerSecond: number;
  /** Name of the API key. */
  requestedBy: string;
  requestId?: string | undefined;
}

export interface ReplayPreview {
  count: number;
  /** Epoch ms of death; null when there is none. */
  oldest: number | null;
  newest: number | null;
  byReason: Record<string, number>;
}

/** Sends dead letters again or discards them: one, or as a job all that fit a filter. Every order leaves an audit row. */
@Injectable()
export class ReplayService {
  constructor(
    private readonly database: Database,
    private readonly replays: ReplayRepository,
    private readonly runner: ReplayRunner,
    private readonly deadLetters: DeadLetters,
    private readonly audit: AuditLog,
    private readonly replica: ReplicaService,
  ) {}

  /** @throws DeliveryNotFoundError, DeliveryNotDeadError */
  async replayOne(recordId: string, actor: string): Promise<DeliveryRow> {
    return this.deadLetters.replay(recordId, (trx, row) =>
      this.audit.record(trx, {
        actor,
        action: 'dead-letter.replay',
        target: recordId,
        details: { interactionId: row.subject_id, conversationId: row.order_key, reason: row.last_error_code },
      }),
    );
  }

  /** @throws DeliveryNotFoundError, DeliveryNotDeadError */
  async discardOne(recordId: string, reason: string, actor: string): Promise<DeliveryRow> {
    return this.deadLetters.discardOne(recordId, (trx, row) =>
      this.audit.record(trx, {
        actor,
        action: 'dead-letter.discard',
        target: recordId,
        details: { sink: row.sink, subjectId: row.subject_id, code: row.last_error_code, reason },
      }),
    );
  }

  /** What a job with this filter would replay or discard now. */
  async preview(filter: ReplayFilter): Promise<ReplayPreview> {
    const counts = await this.replays.countDead(filter);
    return {
      count: counts.reduce((sum, { count }) => sum + count, 0),
      oldest: counts.length === 0 ? null : Math.min(...counts.map(({ oldest }) => oldest)),
      newest: counts.length === 0 ? null : Math.max(...counts.map(({ newest }) => newest)),
      byReason: Object.fromEntries(counts.map(({ reason, count }) => [reason ?? 'unknown', count])),
    };
  }

  /**
   * Makes a job, unless the same request made one before or one with the same filter is running: then that one is
   * answered. @throws ReplayConflictError, TooManyReplaysError
   */
  async start(request: ReplayRequest): Promise<{ job: ReplayJobRow; created: boolean }> {
    const filter = canonicalFilter(request.filter);
    // Another caller may make the same one between the question and the insert; then the next question finds it.
    for (;;) {
      const outcome = await this.database.transaction(async (trx) => {
        const known = await this.known(trx, request, filter);
        if (known) return { job: known, created: false };
        const job = await this.create(trx, request, filter);
        return job && { job, created: true };
      });
      if (!outcome) continue;
      if (outcome.created) this.runner.wake();
      return outcome;
    }
  }

  /** @throws ReplayNotFoundError */
  async get(id: string, action: ReplayAction = 'replay'): Promise<ReplayJobRow> {
    const job = await this.replays.byId(id, action);
    if (!job) throw new ReplayNotFoundError(id, action);
    return job;
  }

  /** Newest first. */
  async list(limit: number, action: ReplayAction = 'replay'): Promise<ReplayJobRow[]> {
    return this.replays.list(limit, action);
  }

  /** What it has revived stays revived, and what it has discarded stays discarded. One that is over is answered as it is. @throws ReplayNotFoundError */
  async stop(id: string, actor: string, action: ReplayAction = 'replay'): Promise<ReplayJobRow> {
    const stopped = await this.database.transaction(async (trx) => {
      const job = await this.replays.stop(trx, id, action);
      if (job) {
        const details = { filter: parseFilter(job.filter), total: job.total, replayed: job.replayed };
        await this.audit.record(trx, { actor, action: `${action}.stop`, target: id, details });
      }
      return job;
    });
    return stopped ?? this.get(id, action);
  }

  private async known(
    trx: Transaction<Schema>,
    { action, requestedBy, requestId }: ReplayRequest,
    filter: string,
  ): Promise<ReplayJobRow | undefined> {
    const before = requestId === undefined ? undefined : await this.replays.byRequest(trx, requestedBy, requestId);
    if (before && (before.filter !== filter || before.action !== action))
      throw new ReplayConflictError(requestId ?? '', before.id);
    if (before) return before;
    const running = await this.replays.running(trx);
    const same = running.find((job) => job.filter === filter && job.action === action);
    if (!same && running.length >= MAX_RUNNING) throw new TooManyReplaysError(MAX_RUNNING);
    return same;
  }

  private async create(
    trx: Transaction<Schema>,
    request: ReplayRequest,
    filter: string,
  ): Promise<ReplayJobRow | undefined> {
    const job = await this.replays.insert(trx, {
      id: randomUUID(),
      action: request.action,
      reason: request.reason ?? null,
      filter,
      rate: request.ratePerSecond,
      owner: this.replica.id,
      requestedBy: request.requestedBy,
      requestId: request.requestId ?? null,
    });
    if (!job) return undefined;
    const { action, reason } = request;
    const how = action === 'discard' ? { reason } : { ratePerSecond: job.rate };
    const details = { filter: request.filter, total: job.total, ...how };
    await this.audit.record(trx, { actor: request.requestedBy, action: `${action}.start`, target: job.id, details });
    return job;
  }
}
