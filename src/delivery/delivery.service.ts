import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Database } from '../storage/database.js';
import { ReplicaService } from '../storage/replica.service.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import type { BreakerState } from './breaker.js';
import { DeliveryRepository } from './delivery.repository.js';
import type { Backlog } from './delivery.repository.js';
import { Outbox } from './outbox.js';
import type { LastError } from './receivers.js';
import type { Sink } from './sink.js';
import { SinkWorker } from './sink-worker.js';

/** How the receivers of a sink are doing. */
export interface ReceiverState {
  /** Of a sink with one receiver; `closed` where destinations are kept apart. */
  breaker: BreakerState;
  /** How many failed at the last attempt. */
  failing: number;
  lastError?: LastError;
}

/** Takes deliveries from the outbox to their sinks, at least once and in order per order key, until they end. */
@Injectable()
export class DeliveryService {
  private readonly sinks = new Map<string, { sink: Sink; worker: SinkWorker }>();
  private readonly log: Log;
  private running = false;
  private waking: Subscription | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'retry'>,
    private readonly database: Database,
    private readonly replica: ReplicaService,
    private readonly deliveries: DeliveryRepository,
    private readonly outbox: Outbox,
    private readonly logs: Logs,
  ) {
    this.log = logs.of('delivery');
  }

  /** Makes a receiver known; its deliveries start with `start`, or now if that has been called. */
  register(sink: Sink): void {
    if (this.sinks.has(sink.name)) throw new Error(`A sink named ${sink.name} is registered already.`);
    const worker = new SinkWorker(sink, {
      database: this.database,
      deliveries: this.deliveries,
      log: this.logs.of('delivery', { sink: sink.name }),
      retry: this.config.retry,
      replica: this.replica.id,
    });
    this.sinks.set(sink.name, { sink, worker });
    this.outbox.takeHandOvers(sink.name, (wanted) => worker.handOver(wanted));
    if (this.running) worker.start();
  }

  /** Nothing is claimed before the caller's own synchronous steps after it are over. */
  async start(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.waking = this.outbox.woken$.subscribe((sinks) => this.wake(sinks));
    for (const { worker } of this.sinks.values()) worker.start();
  }

  /** Claims no more, waits up to `graceMs` for what is under way, and gives back what is not over. No attempt is lost. */
  async stop(graceMs: number): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.waking?.unsubscribe();
    await Promise.all([...this.sinks.values()].map(({ worker }) => worker.stop(graceMs)));
    try {
      await this.deliveries.releaseAll(this.replica.id);
    } catch (error) {
      this.log.warn({ err: error }, 'claims could not be given back; they are found when this replica is missing');
    }
  }

  /** @param names of the sinks that may have something to do; all when left out */
  wake(names?: readonly string[]): void {
    for (const [name, { worker }] of this.sinks) if (names?.includes(name) ?? true) worker.wake();
  }

  sink(name: string): Sink | undefined {
    return this.sinks.get(name)?.sink;
  }

  /** What this process knows of a sink's receivers: how many fail, and what failed last (since the start). */
  receivers(sink: string): ReceiverState {
    const worker = this.sinks.get(sink)?.worker;
    const lastError = worker?.receivers.lastError;
    return {
      breaker: worker?.breaker.state ?? 'closed',
      failing: worker?.receivers.failing ?? 0,
      ...(lastError && { lastError }),
    };
  }

  backlog(sink: string): Promise<Backlog> {
    return this.deliveries.backlog(sink);
  }
}
