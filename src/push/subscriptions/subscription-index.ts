import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Database } from '../../storage/database.js';
import type { Schema } from '../../storage/schema.js';
import { Metrics } from '../../telemetry/metrics.js';
import { FilterIndex } from '../tags/filter-index.js';
import { SubscriptionRepository, type ChangedRow, type ChangeMark } from './subscription.repository.js';
import { sinkOf, type ActiveSubscription } from './subscription.js';

/** Rows of one question: some 5 ms. */
const PAGE = 1_000;
/** Destinations and provider names repeat: one text for all. Beyond so many different ones it begins anew. */
const MAX_SHARED_TEXTS = 100_000;

/** What a transaction that publishes sees. */
export interface Matcher {
  /** The database's time. */
  now: number;
  /** True when nobody has subscribed to anything: then `match` finds nothing. */
  isEmpty: boolean;
  match(tag: string): ActiveSubscription[];
}

/**
 * All active subscriptions in memory, by their filters. Whoever publishes first brings it up to date inside his
 * transaction (`asOf`), so that it is as exact as the database, whichever replica changed something.
 */
@Injectable()
export class SubscriptionIndex {
  private readonly filters = new FilterIndex<ActiveSubscription>();
  private readonly byId = new Map<string, ActiveSubscription>();
  private texts = new Map<string, string>();
  /** Every change up to this one is in memory. */
  private changeNo = 0;
  /** Under SQLite, where nobody else changes anything: the last change that was committed here. */
  private committed = 0;
  /** Only one catches up at a time: an older look must not overwrite what a newer one found. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly metrics: Metrics,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  /** Reads everything. To be called once, before the first request. */
  async load(): Promise<void> {
    const { changeNo } = await this.subscriptions.latestChange(this.database.db);
    // What changes meanwhile has a higher number and is read by the first look after this.
    let page: ChangedRow[] = [];
    do {
      page = await this.subscriptions.activeAfter(page.at(-1)?.id ?? '', PAGE);
      for (const row of page) this.apply(row);
    } while (page.length === PAGE);
    this.changeNo = changeNo;
    this.changed(changeNo);
    this.metrics.pushSubscriptions.set(this.byId.size);
  }

  /** A change of ours has been committed. */
  changed(changeNo: number): void {
    this.committed = Math.max(this.committed, changeNo);
  }

  /** Brings the memory up to date with what `trx` sees. Asks nothing of SQLite when nothing has changed. */
  async asOf(trx: Transaction<Schema>): Promise<Matcher> {
    const latest =
      this.database.kind === 'sqlite'
        ? { changeNo: this.committed, now: Date.now() }
        : await this.subscriptions.latestChange(trx);
    // Callers hold their connection already, so that waiting for each other here cannot end in a circle.
    if (latest.changeNo > this.changeNo) await this.inTurn(() => this.catchUp(trx, latest.changeNo));
    return { now: latest.now, isEmpty: this.size === 0, match: (tag) => this.match(tag, latest.now) };
  }

  private match(tag: string, now: number): ActiveSubscription[] {
    return this.filters.match(tag).filter(({ expiresAt }) => expiresAt > now);
  }

  private async catchUp(trx: Transaction<Schema>, changeNo: number): Promise<void> {
    // Another one may have been here while we waited.
    let mark: ChangeMark = { changeNo: this.changeNo };
    if (mark.changeNo >= changeNo) return;
    let page: ChangedRow[];
    do {
      page = await this.subscriptions.changedAfter(trx, mark, PAGE);
      for (const row of page) {
        this.apply(row);
        mark = { changeNo: row.change_no, id: row.id };
      }
    } while (page.length === PAGE);
    this.changeNo = Math.max(changeNo, mark.changeNo);
    this.metrics.pushSubscriptions.set(this.byId.size);
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private apply(row: ChangedRow): void {
    const known = this.byId.get(row.id);
    if (row.ended_at !== null) {
      if (!known) return;
      this.filters.remove(known.filter, known);
      this.byId.delete(row.id);
    } else if (!known) {
      const added = this.activeOf(row);
      this.filters.add(added.filter, added);
      this.byId.set(added.id, added);
    }
  }

  private activeOf(row: ChangedRow): ActiveSubscription {
    return {
      id: row.id,
      subscriberId: row.subscriber_id,
      filter: row.filter,
      providerName: this.shared(row.provider_name),
      sink: sinkOf(row.type),
      destination: this.shared(row.destination),
      expiresAt: row.expires_at,
    };
  }

  private shared(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= MAX_SHARED_TEXTS) this.texts = new Map();
    this.texts.set(text, text);
    return text;
  }
}
