import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { CONFIG, type Config } from '../../config/config.js';
import { Outbox } from '../../delivery/outbox.js';
import { Database } from '../../storage/database.js';
import type { Schema } from '../../storage/schema.js';
import { subscribedDevice } from '../device-of.js';
import type { SubscriptionRequest } from '../notification.schemas.js';
import { PushPublishers } from '../publishers/push-publishers.js';
import { SubscriberNotFoundError, SubscriptionNotFoundError, TooManySubscriptionsError } from '../push.errors.js';
import { SecretBox } from '../secrets/secret-box.js';
import { checkFilter } from '../tags/tag-grammar.js';
import { SubscriptionIndex } from './subscription-index.js';
import { SubscriptionRepository } from './subscription.repository.js';
import { PUSH_SINKS, type EndReason, type SubscriptionDraft } from './subscription.js';

/** Subscriptions ended in one transaction: each may have deliveries that are cancelled with it. */
const BATCH = 500;

export interface Subscribing {
  /** Name of the API key. */
  caller: string;
  /** The `gms_user` header. */
  gmsUser?: string | undefined;
}

/** What the deliveries of an ended subscription are marked with. */
const CANCELLED = {
  deleted: 'the subscription was deleted',
  expired: 'the subscription has expired',
  'device-gone': 'the device is gone',
} as const satisfies Record<EndReason, string>;

/** The life of subscriptions: made, ended by their owner, by their time, or because the device is no more. */
@Injectable()
export class SubscriptionService {
  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly index: SubscriptionIndex,
    private readonly publishers: PushPublishers,
    private readonly outbox: Outbox,
    private readonly secrets: SecretBox,
  ) {}

  /**
   * Durable when it resolves; returns the new id.
   * @throws PushTypeDisabledError, PushSyntaxError, PushDeviceError, RequestInvalidError, TooManySubscriptionsError
   */
  async subscribe(request: SubscriptionRequest, { caller, gmsUser }: Subscribing): Promise<string> {
    const { notificationDetails, filter, providerName, authorization } = request;
    const publisher = this.publishers.of(notificationDetails.type);
    checkFilter(filter);
    const device = subscribedDevice(notificationDetails, { providerName, authorization, gmsUser });
    await publisher.check(device);
    const id = randomUUID();
    await this.store({
      id,
      subscriberId: request.subscriberId,
      filter,
      language: request.language,
      device,
      destination: publisher.destinationOf(device),
      authorization: authorization === undefined ? null : this.secrets.seal(authorization, id),
      createdBy: caller,
      expireMs: request.expire === undefined ? this.config.push.defaultExpireMs : request.expire * 1_000,
    });
    return id;
  }

  /** @throws SubscriptionNotFoundError also when it has ended or expired */
  async end(id: string): Promise<void> {
    const ended = await this.change(async (trx, changeNo) => {
      if (!(await this.subscriptions.isActive(trx, id))) throw new SubscriptionNotFoundError();
      return this.endIn(trx, [id], 'deleted', changeNo);
    });
    if (ended.length === 0) throw new SubscriptionNotFoundError();
  }

  /** Ends all of a subscriber. @throws SubscriberNotFoundError when there are none */
  async endAllOf(subscriberId: string): Promise<void> {
    await this.change(async (trx, changeNo) => {
      let ids = await this.subscriptions.activeOf(trx, subscriberId, BATCH);
      if (ids.length === 0) throw new SubscriberNotFoundError();
      while (ids.length > 0) {
        await this.endIn(trx, ids, 'deleted', changeNo);
        ids = await this.subscriptions.activeOf(trx, subscriberId, BATCH);
      }
    });
  }

  /** Marks up to one batch of those whose time is over; returns how many. */
  async endExpired(): Promise<number> {
    const due = await this.subscriptions.expired(BATCH);
    if (due.length === 0) return 0;
    return (await this.change((trx, changeNo) => this.endIn(trx, due, 'expired', changeNo))).length;
  }

  /**
   * Ends subscriptions inside the caller's transaction, and cancels their deliveries. The caller tells the index with
   * `committed` once the transaction is over.
   */
  async endGone(trx: Transaction<Schema>, ids: readonly string[]): Promise<number> {
    const changeNo = await this.subscriptions.nextChange(trx);
    await this.endIn(trx, ids, 'device-gone', changeNo);
    return changeNo;
  }

  committed(changeNo: number): void {
    this.index.changed(changeNo);
  }

  private async store(draft: SubscriptionDraft): Promise<void> {
    const limit = this.config.push.subscriptionsPerSubscriber;
    await this.change(async (trx, changeNo) => {
      // The number's row is locked: nobody adds one between our count and our insert.
      if (await this.subscriptions.isFull(trx, draft.subscriberId, limit)) throw new TooManySubscriptionsError(limit);
      await this.subscriptions.insert(trx, draft, changeNo);
    });
  }

  private async endIn(
    trx: Transaction<Schema>,
    ids: readonly string[],
    reason: EndReason,
    changeNo: number,
  ): Promise<string[]> {
    const ended = ids.length === 0 ? [] : await this.subscriptions.end(trx, ids, reason, changeNo);
    const message = CANCELLED[reason];
    await this.outbox.cancel(trx, { sinks: PUSH_SINKS, subjectIds: ended, code: `push.${reason}`, message });
    return ended;
  }

  /** One numbered change. */
  private async change<T>(work: (trx: Transaction<Schema>, changeNo: number) => Promise<T>): Promise<T> {
    const { result, changeNo } = await this.database.transaction(async (trx) => {
      const no = await this.subscriptions.nextChange(trx);
      return { result: await work(trx, no), changeNo: no };
    });
    this.committed(changeNo);
    return result;
  }
}
