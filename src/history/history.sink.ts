import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import type { ReportedOutcome, SendOutcome, Settlement, Sink } from '../delivery/sink.js';
import type { AfterCommit } from '../storage/after-commit.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';
import { Metrics } from '../telemetry/metrics.js';
import { MappingFailedError } from './history.errors.js';
import { HistoryClient } from './history.client.js';
import type { Mapping } from './mapping.js';

/** Name of the sink; stored with each delivery, so never changed. */
export const HISTORY_SINK = 'history';
/** Injection token of the `Mapping`. */
export const HISTORY_MAPPING = Symbol('HISTORY_MAPPING');
/** A mapping has a second of its own (see `mapping.ts`). */
const MAPPING_MS = 1_000;

/** Who wants to know what became of records; all of it but `afterSettled` happens in the outbox's transactions. */
export interface OutcomeFollower {
  settled(trx: Transaction<Schema>, settlements: readonly Settlement[], afterCommit: AfterCommit): Promise<void>;
  replayed?(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void>;
  discarded?(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void>;
  afterSettled?(settlements: readonly Settlement[]): void;
}

/**
 * Sends records to the communication history. The mapping is applied at each attempt and not when the record is stored,
 * so a repaired mapping file helps those that died of the old one.
 */
@Injectable()
export class HistorySink implements Sink {
  readonly name = HISTORY_SINK;
  readonly concurrency: number;
  readonly timeoutMs: number;
  private readonly followers: OutcomeFollower[] = [];

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'history'>,
    private readonly client: HistoryClient,
    @Inject(HISTORY_MAPPING) private readonly mapping: Mapping,
    private readonly metrics: Metrics,
  ) {
    this.concurrency = config.history.concurrency;
    this.timeoutMs = config.history.timeoutMs + MAPPING_MS;
  }

  follow(follower: OutcomeFollower): void {
    this.followers.push(follower);
  }

  async send(delivery: DeliveryRow, signal: AbortSignal): Promise<SendOutcome> {
    let body: string;
    try {
      body = await this.mapping.body(delivery.payload);
    } catch (error) {
      if (error instanceof MappingFailedError) return { kind: 'refused', code: error.code, message: error.message };
      throw error;
    }
    return this.client.post(
      { idempotencyKey: delivery.id, correlationId: delivery.correlation_id ?? delivery.subject_id, body },
      signal,
    );
  }

  async settled(trx: Transaction<Schema>, settlements: readonly Settlement[], afterCommit: AfterCommit): Promise<void> {
    // A record that ends while nobody moves its interaction along would leave the two apart for ever.
    if (this.followers.length === 0) throw new Error('Nobody follows the outcomes of records yet.');
    for (const follower of this.followers) await follower.settled(trx, settlements, afterCommit);
  }

  about({
    id,
    subject_id: interaction,
    order_key: conversation,
    correlation_id: correlationId,
  }: DeliveryRow): Record<string, string> {
    return { record: id, interaction, conversation, ...(correlationId === null ? {} : { correlationId }) };
  }

  report(outcome: ReportedOutcome, latencyMs?: number): void {
    this.metrics.deliveries.inc({ outcome });
    if (latencyMs !== undefined) this.metrics.deliverySeconds.observe(latencyMs / 1_000);
  }

  async replayed(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void> {
    for (const follower of this.followers) await follower.replayed?.(trx, deliveries);
  }

  async discarded(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void> {
    for (const follower of this.followers) await follower.discarded?.(trx, deliveries);
  }

  afterSettled(settlements: readonly Settlement[]): void {
    for (const follower of this.followers) follower.afterSettled?.(settlements);
  }
}
