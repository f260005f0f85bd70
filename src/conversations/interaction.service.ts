import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Subject, type Observable } from 'rxjs';
import { AuditLog } from '../audit/audit-log.js';
import type { Settlement } from '../delivery/sink.js';
import { Database } from '../storage/database.js';
import type { AfterCommit } from '../storage/after-commit.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';
import type { LoggedRow } from './correlation.js';
import { InteractionCapturedError, InteractionExpiredError, InteractionNotFoundError } from './interaction.errors.js';
import { type InteractionChange, InteractionFollowers } from './interaction-followers.js';
import { InteractionQuery, type InteractionPage } from './interaction.query.js';
import { type DeliveryFailure, InteractionRepository, type InteractionDetails } from './interaction.repository.js';
import type { InteractionFilter } from './interaction.schemas.js';
import { StepLog } from './step-log.js';

/** What becomes of an interaction after it has been taken in: asked for, cancelled, delivered, given up. */
@Injectable()
export class InteractionService {
  /** Conversations of interactions that were cancelled. */
  readonly cancelled$: Observable<string>;
  private readonly cancelled = new Subject<string>();

  constructor(
    private readonly interactions: InteractionRepository,
    private readonly query: InteractionQuery,
    private readonly followers: InteractionFollowers,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly steps: StepLog,
  ) {
    this.cancelled$ = this.cancelled.asObservable();
  }

  /** @throws InteractionNotFoundError */
  async get(id: string): Promise<InteractionDetails> {
    const row = await this.query.byId(id);
    if (!row) throw new InteractionNotFoundError(id);
    return row;
  }

  async list(query: InteractionFilter): Promise<InteractionPage> {
    return this.query.list(query);
  }

  /** Idempotent. @param actor name of the API key, for the audit. @throws InteractionNotFoundError, InteractionCapturedError, InteractionExpiredError */
  async cancel(id: string, actor: string): Promise<InteractionDetails> {
    const cancelled = await this.database.transaction(async (trx) => {
      if (!(await this.interactions.cancel(trx, id))) return false;
      await this.audit.record(trx, { actor, action: 'interaction.cancel', target: id, details: {} });
      return true;
    });
    const row = await this.get(id);
    if (cancelled) this.steps.tell('cancelled', [row]);
    // Told again for the same again: the answer to our commit may have been lost the first time.
    if (cancelled || row.status === 'cancelled') this.cancelled.next(row.conversation_id);
    else if (row.status === 'expired') throw new InteractionExpiredError(id);
    else throw new InteractionCapturedError(id, row.status);
    return row;
  }

  /** Follows the outcomes of deliveries, in the transaction that stores them. */
  async settled(trx: Transaction<Schema>, settlements: readonly Settlement[], afterCommit: AfterCommit): Promise<void> {
    for (const status of ['delivered', 'dead'] as const) {
      const ids = settlements.filter(({ state }) => state === status).map(({ delivery }) => delivery.subject_id);
      if (ids.length > 0) await this.interactions.settle(trx, ids, status);
    }
    const failures = settlements.flatMap(failureOf);
    if (failures.length > 0) await this.interactions.failed(trx, failures);
    await this.followers.changed(trx, () => settlements.flatMap(changeOf), afterCommit);
    afterCommit(() => {
      for (const { delivery, state, attempts } of settlements) {
        if (state === 'delivered') this.steps.tell('delivered', [rowOf(delivery)], { attempts });
      }
    });
  }

  /** Dead letters are sent again: their interactions are captured again. */
  async replayed(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void> {
    await this.interactions.decide(
      trx,
      deliveries.map((delivery) => delivery.subject_id),
      'captured',
    );
  }

  /** An operator decided that their dead letters are not sent. */
  async discarded(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void> {
    await this.interactions.decide(
      trx,
      deliveries.map((delivery) => delivery.subject_id),
      'discarded',
    );
  }
}

function rowOf({ subject_id: id, order_key, correlation_id }: DeliveryRow): LoggedRow {
  return { id, conversation_id: order_key, correlation_id };
}

function failureOf({ delivery, error }: Settlement): DeliveryFailure[] {
  return error === undefined ? [] : [{ v_id: delivery.subject_id, v_code: error.code, v_message: error.message }];
}

function changeOf({ state, delivery, attempts, error }: Settlement): InteractionChange[] {
  const interaction = { id: delivery.subject_id, conversation_id: delivery.order_key };
  if (state === 'delivered') return [{ kind: 'delivered', interaction, attempts }];
  if (state === 'dead') return [{ kind: 'dead', interaction, attempts, error: error ?? { code: '', message: '' } }];
  return [];
}
