import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Subject, type Observable } from 'rxjs';
import { v7 as uuidv7 } from 'uuid';
import { Batcher } from '../common/batcher.js';
import { CONFIG, type Config } from '../config/config.js';
import { Outbox } from '../delivery/outbox.js';
import { HistoryService } from '../history/history.service.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import { Database } from '../storage/database.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { InteractionRow, Schema } from '../storage/schema.js';
import { StorageConflictError, StorageUnavailableError } from '../storage/storage.errors.js';
import { recordOfResult } from './interaction-record.js';
import { InteractionConflictError } from './interaction.errors.js';
import { InteractionFollowers } from './interaction-followers.js';
import type { InteractionDraft } from './interaction-insert.js';
import { InteractionRepository } from './interaction.repository.js';
import type { SupportInteraction, SupportResult } from './interaction.schemas.js';
import { requestHash } from './request-hash.js';
import { StepLog } from './step-log.js';

/** Most interactions stored in one transaction. */
const MAX_BATCH = 500;

export interface Accepted {
  interaction: InteractionRow;
  /** False when it was there already, with the same contents, and is neither cancelled nor expired. */
  created: boolean;
}

/** Takes in what BOFE hands in: durable before it is answered, once per conversation, customer and agent. */
@Injectable()
export class IntakeService {
  /** Conversations that somebody waits for from now on. */
  readonly accepted$: Observable<string[]>;
  /** Conversations whose interaction got its result by hand. */
  readonly completedByHand$: Observable<string>;

  private readonly accepted = new Subject<string[]>();
  private readonly completedByHand = new Subject<string>();
  private readonly batcher = new Batcher<InteractionDraft, Accepted>(
    (drafts) => this.store(drafts),
    MAX_BATCH,
    (error) => error instanceof StorageUnavailableError,
  );

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
    private readonly interactions: InteractionRepository,
    private readonly history: HistoryService,
    private readonly outbox: Outbox,
    private readonly replica: ReplicaService,
    private readonly followers: InteractionFollowers,
    private readonly steps: StepLog,
  ) {
    this.accepted$ = this.accepted.asObservable();
    this.completedByHand$ = this.completedByHand.asObservable();
  }

  /** @throws InteractionConflictError, StorageUnavailableError */
  async accept(request: SupportInteraction, correlationId?: string): Promise<Accepted> {
    const draft = draftOf(request, requestHash(request), correlationId);
    const answer = await this.batcher.add(draft);
    if (answer.interaction.request_hash !== draft.requestHash)
      throw InteractionConflictError.ofContents(answer.interaction);
    return answer;
  }

  /** A result without waiting for Genesys. @throws InteractionConflictError, StorageUnavailableError */
  async acceptResult(result: SupportResult, correlationId?: string): Promise<Accepted> {
    const hash = requestHash(result);
    const receivedAt = Date.now();
    return this.database.transaction(async (trx, afterCommit) => {
      const draft = draftOf(result, hash, correlationId);
      const extra = { ...this.terms(), status: 'captured', result_hash: hash } as const;
      const [created] = await this.interactions.insertNew(trx, [draft], extra);
      const interaction = created ?? (await this.existing(trx, [draft])).get(keyOf(draft));
      if (!interaction) throw new Error('an interaction vanished while it was being completed');
      if (!created) {
        if (interaction.result_hash === hash) {
          // The answer to our commit may have been lost the first time: then nobody has been told.
          afterCommit(() => this.tellCompleted(interaction.conversation_id));
          return { interaction, created: false };
        }
        if (!(await this.interactions.captureByHand(trx, interaction.id, hash))) {
          throw InteractionConflictError.ofResult(interaction);
        }
      }
      const captured: InteractionRow = { ...interaction, status: 'captured' };
      const record = recordOfResult(captured, result, receivedAt);
      await this.outbox.enqueue(trx, [
        this.history.draft(record, receivedAt, correlationId ?? captured.correlation_id),
      ]);
      const accepted = created ? [{ kind: 'accepted', interaction: captured } as const] : [];
      await this.followers.changed(
        trx,
        () => [...accepted, { kind: 'acw', interaction: captured, record }],
        afterCommit,
      );
      afterCommit(() => {
        if (created) this.steps.tell('accepted', [captured]);
        this.steps.tell('captured', [captured], { obtainedBy: record.obtainedBy });
        this.tellCompleted(captured.conversation_id);
      });
      return { interaction: captured, created: true };
    });
  }

  private tellCompleted(conversationId: string): void {
    this.outbox.wake([HISTORY_SINK]);
    this.completedByHand.next(conversationId);
  }

  private async store(drafts: InteractionDraft[]): Promise<Accepted[]> {
    return this.database.transaction(async (trx, afterCommit) => {
      const created = await this.interactions.insertNew(trx, drafts, this.terms());
      const createdById = new Map(created.map((row) => [row.id, row]));
      const known = drafts.filter((draft) => !createdById.has(draft.id));
      const { existing, begunBy } = await this.handedInAgain(trx, known);
      const begun = [...created, ...begunBy.values()];
      const changes = begun.map((interaction) => ({ kind: 'accepted', interaction }) as const);
      await this.followers.changed(trx, () => changes, afterCommit);
      afterCommit(() => this.steps.tell('accepted', begun));
      const told = [...begun, ...[...existing.values()].filter((row) => this.mayBeUntold(row))];
      if (told.length > 0) afterCommit(() => this.accepted.next(told.map((row) => row.conversation_id)));
      return drafts.map((draft): Accepted => {
        const row = createdById.get(draft.id) ?? begunBy.get(draft);
        if (row) return { interaction: row, created: true };
        const first = existing.get(keyOf(draft));
        if (!first)
          throw new StorageConflictError('An interaction was removed while it was handed in again. Try again.');
        return { interaction: first, created: false };
      });
    });
  }

  /** Those that are there already. One that is cancelled or expired begins anew, by the first draft that asks for it. */
  private async handedInAgain(
    trx: Transaction<Schema>,
    drafts: readonly InteractionDraft[],
  ): Promise<{ existing: Map<string, InteractionRow>; begunBy: Map<InteractionDraft, InteractionRow> }> {
    const begunBy = new Map<InteractionDraft, InteractionRow>();
    if (drafts.length === 0) return { existing: new Map(), begunBy };
    const existing = await this.existing(trx, drafts);
    const asked = new Map<string, InteractionDraft>();
    for (const draft of drafts) {
      const row = existing.get(keyOf(draft));
      if (row && isOver(row) && !asked.has(row.id)) asked.set(row.id, draft);
    }
    if (asked.size === 0) return { existing, begunBy };
    const again = [...asked].map(([id, draft]) => ({ ...draft, id }));
    for (const row of await this.interactions.renew(trx, again, this.terms())) {
      begunBy.set(asked.get(row.id) as InteractionDraft, row);
    }
    // Asked again, since somebody may have completed by hand what was not renewed.
    return { existing: await this.existing(trx, drafts), begunBy };
  }

  /**
   * The answer to the commit that stored it may have been lost, so that nobody listens for it. Ours only: another replica
   * looks after its own.
   */
  private mayBeUntold({ status, owner }: InteractionRow): boolean {
    return status === 'accepted' && owner === this.replica.id;
  }

  private async existing(
    trx: Transaction<Schema>,
    drafts: readonly InteractionDraft[],
  ): Promise<Map<string, InteractionRow>> {
    const rows = await this.interactions.ofConversations(trx, [...new Set(drafts.map((each) => each.conversationId))]);
    return new Map(rows.map((row) => [JSON.stringify([row.conversation_id, row.customer_id, row.agent_id]), row]));
  }

  private terms(): { owner: string; ttlMs: number; lookupInMs: number } {
    const { ttlMs, lookupSweepMs } = this.config.interactions;
    return { owner: this.replica.id, ttlMs, lookupInMs: Math.min(ttlMs, lookupSweepMs) };
  }
}

function draftOf(request: SupportInteraction, hash: string, correlationId: string | undefined): InteractionDraft {
  return {
    // In order of time, so that those who wait together lie together in the database, however many are stored beside them.
    id: uuidv7(),
    conversationId: request.conversationId,
    customerId: request.customerId,
    agentId: request.agentId ?? '',
    requestHash: hash,
    channel: request.channel ?? null,
    subject: request.subject ?? null,
    notes: request.notes ?? null,
    attributes: request.attributes === undefined ? null : JSON.stringify(request.attributes),
    correlationId: correlationId ?? null,
  };
}

function keyOf(draft: InteractionDraft): string {
  return JSON.stringify([draft.conversationId, draft.customerId, draft.agentId]);
}

/** Nothing waits for it any more, and nothing was found: handed in again it begins anew. */
function isOver({ status }: InteractionRow): boolean {
  return status === 'cancelled' || status === 'expired';
}
