import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { AuditLog } from '../audit/audit-log.js';
import { DeadLetters } from '../delivery/dead-letters.js';
import { Database } from '../storage/database.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { DeliveryRow, ReplayJobRow, Schema } from '../storage/schema.js';
import { canonicalFilter, parseFilter } from './replay-filter.js';
import type { ReplayFilter } from './replay-filter.js';
import { ReplayRunner } from './replay-runner.service.js';
import { ReplayConflictError, ReplayNotFoundError, TooManyReplaysError } from './replay.errors.js';
import { ReplayRepository } from './replay.repository.js';

/** Each has a rate of its own and they add up at the receiver; nobody has use for more at once. */
const MAX_RUNNING = 5;

export interface ReplayRequest {
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

/** Sends dead letters again: one, or as a job all that fit a filter. Every order leaves an audit row. */
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

  /** What a job with this filter would replay now. */
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
  async get(id: string): Promise<ReplayJobRow> {
    const job = await this.replays.byId(id);
    if (!job) throw new ReplayNotFoundError(id);
    return job;
  }

  /** Newest first. */
  async list(limit: number): Promise<ReplayJobRow[]> {
    return this.replays.list(limit);
  }

  /** What it has revived stays revived. One that is over is answered as it is. @throws ReplayNotFoundError */
  async stop(id: string, actor: string): Promise<ReplayJobRow> {
    const stopped = await this.database.transaction(async (trx) => {
      const job = await this.replays.stop(trx, id);
      if (job) {
        const details = { filter: parseFilter(job.filter), total: job.total, replayed: job.replayed };
        await this.audit.record(trx, { actor, action: 'replay.stop', target: id, details });
      }
      return job;
    });
    return stopped ?? this.get(id);
  }

  private async known(
    trx: Transaction<Schema>,
    { requestedBy, requestId }: ReplayRequest,
    filter: string,
  ): Promise<ReplayJobRow | undefined> {
    const before = requestId === undefined ? undefined : await this.replays.byRequest(trx, requestedBy, requestId);
    if (before && before.filter !== filter) throw new ReplayConflictError(requestId ?? '', before.id);
    if (before) return before;
    const running = await this.replays.running(trx);
    const same = running.find((job) => job.filter === filter);
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
      filter,
      rate: request.ratePerSecond,
      owner: this.replica.id,
      requestedBy: request.requestedBy,
      requestId: request.requestId ?? null,
    });
    if (!job) return undefined;
    const details = { filter: request.filter, total: job.total, ratePerSecond: job.rate };
    await this.audit.record(trx, { actor: request.requestedBy, action: 'replay.start', target: job.id, details });
    return job;
  }
}
