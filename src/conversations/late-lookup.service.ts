import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { exhaustMap, interval, type Subscription } from 'rxjs';
import { CONFIG, type Config } from '../config/config.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { InteractionRow } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { BulkLookup, type BulkView } from './bulk-lookup.js';
import { CaptureService } from './capture.service.js';
import { type Finding, findingsOf } from './finished-work.js';
import { LateLookupRepository } from './late-lookup.repository.js';
import { LATE_LOOKUP_MS } from './lookup-schedule.js';

/** How often it is looked whether somebody is due: nobody waits for this. */
const TICK_MS = 60_000;
/** Conversations in one request, as in other look-ups in bulk. */
const BATCH = 100;
/** How long the first one waits for others, and how long until those that could not be asked for are tried again. */
const HOUR_MS = 60 * 60_000;
/** For how long that is tried. */
const GIVE_UP_MS = 24 * HOUR_MS;

/**
 * Asks once more, 72 h after they were accepted, for interactions that have expired: analytics is repaired at night, and data of
 * 48 h and more may take three days (docs/wire-facts.md §5.3). In bulk only, in full requests, and when there is room for it.
 */
@Injectable()
export class LateLookupService {
  private readonly log: Log;
  private readonly bulk = new BulkLookup<Finding>();
  /** Requests that are left to others. */
  private readonly reserve: number;
  private readonly stopped = new AbortController();
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly client: GenesysClient,
    private readonly repository: LateLookupRepository,
    private readonly capture: CaptureService,
    private readonly replica: ReplicaService,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('lookups');
    this.reserve = Math.floor(config.genesys.requestsPerMinute / 2);
  }

  start(): void {
    this.subscription = interval(TICK_MS)
      .pipe(exhaustMap(() => (this.running = this.lookOrWarn())))
      .subscribe();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.subscription?.unsubscribe();
    await this.running;
  }

  /** One look: asks for all that is due, batch after batch. @throws StorageUnavailableError */
  async look(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted && this.replica.state === 'live' && this.client.spare() > this.reserve) {
      const rows = await this.repository.take({ limit: BATCH, gatherMs: HOUR_MS, putOffMs: HOUR_MS });
      if (rows.length === 0) return;
      await this.askFor(rows);
    }
  }

  private async lookOrWarn(): Promise<void> {
    try {
      await this.look();
    } catch (err) {
      if (!this.stopped.signal.aborted) this.log.warn({ err }, 'expired interactions could not be looked up once more');
    }
  }

  private async askFor(rows: readonly InteractionRow[]): Promise<void> {
    const byConversation = Map.groupBy(rows, (row) => row.conversation_id);
    const { signal } = this.stopped;
    const once = { signal, tries: 1, priority: 'sweep' } as const;
    await this.bulk.ask([[...byConversation.keys()]], {
      request: async (ids) => findingsOf(await this.client.conversationDetails(ids, once)),
      neutral: () => this.client.conversationDetails([randomUUID()], once),
      isThere: () => this.client.isThere(once),
      told: (ids, view) =>
        this.told(
          ids.flatMap((id) => byConversation.get(id) ?? []),
          view,
        ),
      hurry: false,
      signal,
    });
  }

  /** Whoever could not be asked for is put off by an hour already. */
  private async told(rows: readonly InteractionRow[], view: BulkView<Finding>): Promise<void> {
    if (view.state === 'answered') {
      const works = rows.flatMap((row) => view.found.get(row.conversation_id)?.finished ?? []);
      const found = await this.capture.captureLate(new Set(works), rows);
      this.count({ found, open: rows.length - found });
    }
    const isOver = view.state === 'answered' || view.state === 'failed' || view.state === 'forbidden';
    const over = rows.filter((row) => isOver || row.accepted_at + LATE_LOOKUP_MS + GIVE_UP_MS < Date.now());
    if (!isOver) this.count({ failed: rows.length });
    if (over.length > 0) await this.repository.done(over.map((row) => row.id));
  }

  private count(results: Record<string, number>): void {
    for (const [result, number] of Object.entries(results))
      if (number > 0) this.metrics.lookups.inc({ result }, number);
  }
}
