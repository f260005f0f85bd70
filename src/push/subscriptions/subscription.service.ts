import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { Caller } from '../../access/caller.js';
import { BackgroundTasks } from '../../common/background-tasks.js';
import { CONFIG, type Config } from '../../config/config.js';
import { Outbox } from '../../delivery/outbox.js';
import { Database } from '../../storage/database.js';
import type { Schema } from '../../storage/schema.js';
import { Logs } from '../../telemetry/logs.js';
import { subscribedDevice } from '../device-of.js';
import type { SubscriptionRequest } from '../notification.schemas.js';
import { PushPublishers } from '../publishers/push-publishers.js';
import {
  OwnEventsForbiddenError,
  type PushError,
  SubscriberNotFoundError,
  SubscriptionNotFoundError,
  TooManySubscriptionsError,
} from '../push.errors.js';
import { SecretBox } from '../secrets/secret-box.js';
import { checkFilter } from '../tags/tag-grammar.js';
import { mayHearOwnEvents, OWN_TAGS } from './own-events-right.js';
import { SubscriptionIndex } from './subscription-index.js';
import { SubscriptionRepository } from './subscription.repository.js';
import { PUSH_SINKS, type EndReason, type SubscriptionDraft } from './subscription.js';

/** Subscriptions ended in one transaction: each may have deliveries that are cancelled with it. */
const BATCH = 500;

export interface Subscribing {
  caller: Caller;
  /** The `gms_user` header. */
  gmsUser?: string | undefined;
}

/** What a change came to. A refusal is an answer: thrown inside, it would make those who share the commit run again. */
type Change<T> = { done: T } | { refused: PushError };

/** What the deliveries of an ended subscription are marked with. */
const CANCELLED = {
  deleted: 'the subscription was deleted',
  expired: 'the subscription has expired',
  'device-gone': 'the device is gone',
} as const satisfies Record<EndReason, string>;

/** The life of subscriptions: made, ended by their owner, by their time, or because the device is no more. */
@Injectable()
export class SubscriptionService {
  private readonly tasks: BackgroundTasks;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly index: SubscriptionIndex,
    private readonly publishers: PushPublishers,
    private readonly outbox: Outbox,
    private readonly secrets: SecretBox,
    logs: Logs,
  ) {
    const log = logs.of('push');
    this.tasks = new BackgroundTasks((err) => log.warn({ err }, 'a change of subscriptions is read later'));
  }

  /**
   * Durable when it resolves; returns the new id.
   * @throws PushTypeDisabledError, PushSyntaxError, OwnEventsForbiddenError, PushDeviceError, RequestInvalidError,
   *   TooManySubscriptionsError
   */
  async subscribe(request: SubscriptionRequest, { caller, gmsUser }: Subscribing): Promise<string> {
    const { notificationDetails, filter, providerName, authorization } = request;
    const publisher = this.publishers.of(notificationDetails.type);
    checkFilter(filter);
    const ownEvents = mayHearOwnEvents(caller.roles);
    if (!ownEvents && filter.startsWith(OWN_TAGS)) throw new OwnEventsForbiddenError(filter, caller.name);
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
      createdBy: caller.name,
      ownEvents,
      expireMs: request.expire === undefined ? this.config.push.defaultExpireMs : request.expire * 1_000,
    });
    return id;
  }

  /** @throws SubscriptionNotFoundError also when it has ended or expired, or another key made it */
  async end(id: string, caller: Caller): Promise<void> {
    await this.change(async (trx, takeNumber) => {
      const ids = await this.subscriptions.activeOf(trx, { id }, makerOf(caller), 1);
      if (ids.length === 0) return { refused: new SubscriptionNotFoundError() };
      const ended = await this.endIn(trx, ids, 'deleted', await takeNumber());
      return ended.length > 0 ? { done: undefined } : { refused: new SubscriptionNotFoundError() };
    });
  }

  /** Ends all of a subscriber that the caller's key made. @throws SubscriberNotFoundError when there are none */
  async endAllOf(subscriberId: string, caller: Caller): Promise<void> {
    await this.change(async (trx, takeNumber) => {
      const active = () => this.subscriptions.activeOf(trx, { subscriberId }, makerOf(caller), BATCH);
      let ids = await active();
      if (ids.length === 0) return { refused: new SubscriberNotFoundError() };
      const changeNo = await takeNumber();
      for (; ids.length > 0; ids = await active()) await this.endIn(trx, ids, 'deleted', changeNo);
      return { done: undefined };
    });
  }

  /** Marks up to one batch of those whose time is over; returns how many. */
  async endExpired(): Promise<number> {
    const due = await this.subscriptions.expired(BATCH);
    if (due.length === 0) return 0;
    const ended = await this.change(async (trx, takeNumber) => ({
      done: await this.endIn(trx, due, 'expired', await takeNumber()),
    }));
    return ended.length;
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
    this.tasks.run('learn', () => this.index.learn(changeNo));
  }

  /** Resolves when nothing runs in the background. */
  async idle(): Promise<void> {
    await this.tasks.idle();
  }

  private async store(draft: SubscriptionDraft): Promise<void> {
    await this.change(async (trx, takeNumber) => {
      // The number's row is locked: nobody adds one between our counts and our insert.
      const changeNo = await takeNumber();
      const refused = await this.refusalOf(trx, draft, changeNo);
      if (refused) return { refused };
      await this.subscriptions.insert(trx, draft, changeNo);
      return { done: undefined };
    });
  }

  private async refusalOf(
    trx: Transaction<Schema>,
    { subscriberId, createdBy }: SubscriptionDraft,
    changeNo: number,
  ): Promise<PushError | undefined> {
    const {
      subscriptionsPerSubscriber: perSubscriber,
      subscriptionsPerKey: perKey,
      subscriptionsMax,
    } = this.config.push;
    if (await this.subscriptions.isFull(trx, 'subscriber_id', subscriberId, perSubscriber))
      return new TooManySubscriptionsError('The subscriber', perSubscriber, 'PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER');
    if (await this.subscriptions.isFull(trx, 'created_by', createdBy, perKey))
      return new TooManySubscriptionsError(`The key "${createdBy}"`, perKey, 'PUSH_SUBSCRIPTIONS_PER_KEY');
    if ((await this.index.sizeBefore(trx, changeNo)) >= subscriptionsMax)
      return new TooManySubscriptionsError('The gateway', subscriptionsMax, 'PUSH_SUBSCRIPTIONS_MAX');
    return undefined;
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

  /** One change, numbered once `work` takes the number. @throws PushError what `work` answers as a refusal */
  private async change<T>(
    work: (trx: Transaction<Schema>, takeNumber: () => Promise<number>) => Promise<Change<T>>,
  ): Promise<T> {
    const { result, changeNo } = await this.database.transaction(async (trx) => {
      let taken = 0;
      const takeNumber = async () => (taken = await this.subscriptions.nextChange(trx));
      const outcome = await work(trx, takeNumber);
      return { result: outcome, changeNo: taken };
    });
    await this.index.learn(changeNo);
    if ('refused' in result) throw result.refused;
    return result.done;
  }
}

/** Whose subscriptions a caller may end: `admin` anybody's, everybody else those that the same key made. */
function makerOf({ name, roles }: Caller): string | undefined {
  return roles.includes('admin') ? undefined : name;
}
