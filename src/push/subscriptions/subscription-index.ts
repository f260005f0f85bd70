import { Injectable } from '@nestjs/common';
import type { Kysely, Transaction } from 'kysely';
import { Database } from '../../storage/database.js';
import type { Schema } from '../../storage/schema.js';
import { Metrics } from '../../telemetry/metrics.js';
import { FilterIndex } from '../tags/filter-index.js';
import { OWN_TAGS, OwnEventsRight } from './own-events-right.js';
import { SubscriptionRepository, type ChangedRow, type ChangeMark } from './subscription.repository.js';
import { sinkOf, type ActiveSubscription } from './subscription.js';

/** Rows of one question: some 5 ms. */
const PAGE = 1_000;
/** Destinations, provider and key names repeat: one text for all. Beyond so many different ones it begins anew. */
const MAX_SHARED_TEXTS = 100_000;

/** What a transaction that publishes sees. */
export interface Matcher {
  /** The change up to which subscriptions are known. */
  changeNo: number;
  match(tag: string): ActiveSubscription[];
  /** Whether anybody hears an own event of this tag; as quick with 100,000 subscriptions as with one. */
  hasOwn(tag: string): boolean;
  /** The next subscriptions that an event goes to, the oldest first. */
  page(query: PageQuery): ActiveSubscription[];
}

/** Which of an event's subscriptions. */
export interface PageQuery {
  tag: string;
  /** Whether it is the gateway's own. */
  isOwn: boolean;
  /** Made by a change after this one … */
  after: number;
  /** … and none after this one. */
  upTo: number;
  /** Only of this provider; undefined: of any. */
  providerName: string | undefined;
  limit: number;
}

/**
 * All active subscriptions in memory, by their filters, each filter's in the order in which they were made. Under PostgreSQL
 * whoever publishes first brings it up to date inside his transaction (`asOf`), so that it is as exact as the database,
 * whichever replica changed something. Under SQLite, where nobody else changes anything, whoever changes something brings it
 * up to date (`learn`), outside all transactions: what is read inside one may be a neighbour's and never be committed.
 */
@Injectable()
export class SubscriptionIndex {
  private readonly filters = new FilterIndex<ActiveSubscription>();
  /** Those that hear the gateway's own events, by the filters that such events can match. */
  private readonly ownFilters = new FilterIndex<ActiveSubscription>();
  private readonly byId = new Map<string, ActiveSubscription>();
  private texts = new Map<string, string>();
  /** Every change up to this one is in memory. */
  private changeNo = 0;
  /** Only one catches up at a time: an older look must not overwrite what a newer one found. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly right: OwnEventsRight,
    private readonly metrics: Metrics,
  ) {
    database.clock.onStep((stepMs) => this.moveAlong(stepMs));
  }

  get size(): number {
    return this.byId.size;
  }

  /** Reads everything. To be called once, before the first request. */
  async load(): Promise<void> {
    const { changeNo } = await this.subscriptions.latestChange(this.database.db);
    // What changes meanwhile has a higher number and is read by the first look after this.
    let mark: ChangeMark = { changeNo: 0 };
    let page: ChangedRow[];
    do {
      page = await this.subscriptions.activeAfter(mark, PAGE);
      for (const row of page) {
        this.apply(row);
        mark = { changeNo: row.change_no, id: row.id };
      }
    } while (page.length === PAGE);
    this.changeNo = Math.max(this.changeNo, changeNo);
    this.metrics.pushSubscriptions.set(this.byId.size);
  }

  /** Reads what has been committed by now. */
  async refresh(): Promise<void> {
    if (this.database.kind === 'postgres') {
      await this.database.transaction((trx) => this.asOf(trx));
      return;
    }
    const { db } = this.database;
    const { changeNo } = await this.subscriptions.latestChange(db);
    await this.inTurn(() => this.catchUp(db, changeNo));
  }

  /** A change of ours has been committed; once this resolves, whoever publishes knows of it. */
  async learn(changeNo: number): Promise<void> {
    if (this.database.kind === 'sqlite' && changeNo > this.changeNo) await this.refresh();
  }

  /** What a transaction that has itself changed no subscription may go by. Asks nothing of SQLite. */
  async asOf(trx: Transaction<Schema>): Promise<Matcher> {
    if (this.database.kind === 'sqlite') return this.matcher(Date.now());
    const latest = await this.subscriptions.latestChange(trx);
    // Callers hold their connection already, so that waiting for each other here cannot end in a circle.
    if (latest.changeNo > this.changeNo) await this.inTurn(() => this.catchUp(trx, latest.changeNo));
    return this.matcher(latest.now);
  }

  /**
   * How many there are before the change `changeNo`, which `trx` is about to make. Under SQLite those of neighbours whose
   * commit it will share do not count: up to 31 (`GroupCommit`).
   */
  async sizeBefore(trx: Transaction<Schema>, changeNo: number): Promise<number> {
    if (this.database.kind === 'postgres') await this.inTurn(() => this.catchUp(trx, changeNo - 1));
    return this.size;
  }

  /** @param now the database's time */
  private matcher(now: number): Matcher {
    return {
      changeNo: this.changeNo,
      match: (tag) => this.filters.match(tag).filter(({ expiresAt }) => expiresAt > now),
      // What has expired is marked within seconds; until then an event is stored that reaches nobody.
      hasOwn: (tag) => this.ownFilters.has(tag),
      page: (query) => this.page(query, now),
    };
  }

  private page({ tag, isOwn, after, upTo, providerName, limit }: PageQuery, now: number): ActiveSubscription[] {
    const found: ActiveSubscription[] = [];
    for (const values of (isOwn ? this.ownFilters : this.filters).valuesOf(tag)) {
      let taken = 0;
      for (const one of values) {
        if (one.madeNo > upTo || taken === limit) break;
        if (one.madeNo <= after || one.expiresAt <= now) continue;
        if (providerName !== undefined && one.providerName !== providerName) continue;
        found.push(one);
        taken += 1;
      }
    }
    return found.sort((a, b) => a.madeNo - b.madeNo).slice(0, limit);
  }

  private async catchUp(db: Kysely<Schema>, changeNo: number): Promise<void> {
    // Another one may have been here while we waited.
    let mark: ChangeMark = { changeNo: this.changeNo };
    if (mark.changeNo >= changeNo) return;
    let page: ChangedRow[];
    do {
      page = await this.subscriptions.changedAfter(db, mark, PAGE);
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
      if (known.ownEvents) this.ownFilters.remove(known.filter, known);
      this.byId.delete(row.id);
    } else if (!known) {
      const added = this.activeOf(row);
      this.filters.add(added.filter, added);
      if (added.ownEvents) this.ownFilters.add(added.filter, added);
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
      madeNo: row.change_no,
      ownEvents: (row.filter === '*' || row.filter.startsWith(OWN_TAGS)) && this.right.hears(row),
      expiresAt: row.expires_at,
    };
  }

  /** As their rows: the end of what is allowed moves only to a later time. */
  private moveAlong(stepMs: number): void {
    if (stepMs > 0) for (const one of this.byId.values()) one.expiresAt += stepMs;
  }

  private shared(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= MAX_SHARED_TEXTS) this.texts = new Map();
    this.texts.set(text, text);
    return text;
  }
}
