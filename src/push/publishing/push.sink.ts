import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { shortHash } from '../../common/short-hash.js';
import { GatewayError } from '../../common/errors.js';
import { CONFIG, type Config } from '../../config/config.js';
import type { ReportedOutcome, SendOutcome, Settlement, Sink } from '../../delivery/sink.js';
import type { PushSubscriptionRow } from '../../storage/push-tables.js';
import type { DeliveryRow, Schema } from '../../storage/schema.js';
import { StorageUnavailableError } from '../../storage/storage.errors.js';
import { Metrics } from '../../telemetry/metrics.js';
import { Texts } from '../providers/texts.js';
import type { Device, PushOutcome } from '../publishers/publisher.js';
import { PushPublishers } from '../publishers/push-publishers.js';
import { SecretBox } from '../secrets/secret-box.js';
import { SubscriptionService } from '../subscriptions/subscription.service.js';
import { COMET_SINK, deviceOfRow, PUSH_SINK, type PushSinkName } from '../subscriptions/subscription.js';
import { DeliveryLoader, type Loaded, type LoadedEvent } from './delivery-loader.js';
import { SubscriberLimits } from './subscriber-limits.js';

/** For reading the subscription and the event before the attempt itself. */
const LOADING_MS = 2_000;
/** How long pushes wait when the database does not answer. */
const UNAVAILABLE_MS = 1_000;
/** Code of a delivery whose device is no more: its subscription ends with it. */
export const DEVICE_GONE = 'push.device-gone';

/** Pushes what the outbox holds: one delivery is one event for one subscription. */
@Injectable()
export class PushSink implements Sink {
  readonly name: PushSinkName = PUSH_SINK;
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** A quarter: one receiver that is slow leaves three quarters to the others. */
  readonly perDestination: number;
  /** Numbers of the changes that ended subscriptions, until their transaction has committed. */
  private readonly changes = new WeakMap<Settlement, number>();
  /** By what deliveries are known that are under way. */
  private readonly known = new WeakMap<DeliveryRow, Readonly<Record<string, string>>>();

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly loader: DeliveryLoader,
    private readonly publishers: PushPublishers,
    private readonly subscriptions: SubscriptionService,
    private readonly limits: SubscriberLimits,
    private readonly texts: Texts,
    private readonly secrets: SecretBox,
    private readonly metrics: Metrics,
  ) {
    const { concurrency, timeoutMs } = config.push;
    this.concurrency = concurrency;
    this.timeoutMs = timeoutMs + LOADING_MS;
    this.perDestination = Math.max(1, Math.ceil(concurrency / 4));
  }

  async send(delivery: DeliveryRow, signal: AbortSignal): Promise<SendOutcome> {
    const loaded = await this.load(delivery);
    // Our own fault: the receiver was not asked, and nobody's breaker shall hear of it.
    if (loaded === 'unavailable') return { kind: 'postponed', delayMs: UNAVAILABLE_MS };
    const { subscription, event } = loaded;
    this.known.set(delivery, factsOf(loaded));
    if (!subscription) {
      return { kind: 'cancelled', code: 'push.subscription-over', message: 'the subscription has ended or expired' };
    }
    if (!event) {
      return { kind: 'refused', code: 'push.event-gone', message: 'the event was removed after RETENTION_DAYS' };
    }
    const delayMs = this.limits.delayOf(subscription.subscriber_id);
    if (delayMs > 0) return { kind: 'postponed', delayMs, apartMs: this.limits.intervalMs };
    const outcome = await this.attempt(delivery, subscription, event, signal);
    this.metrics.pushOutcomes.inc({ type: subscription.type, outcome: outcome.kind });
    return sendOutcomeOf(outcome);
  }

  private async load(delivery: DeliveryRow): Promise<Loaded | 'unavailable'> {
    try {
      return await this.loader.load(delivery.subject_id, delivery.payload);
    } catch (error) {
      if (error instanceof StorageUnavailableError) return 'unavailable';
      throw error;
    }
  }

  /** Ends the subscriptions of devices that are no more. */
  async settled(trx: Transaction<Schema>, settlements: readonly Settlement[]): Promise<void> {
    const gone = settlements.filter(({ error }) => error?.code === DEVICE_GONE);
    const [first] = gone;
    if (!first) return;
    const ids = [...new Set(gone.map(({ delivery }) => delivery.subject_id))];
    this.changes.set(first, await this.subscriptions.endGone(trx, ids));
  }

  afterSettled(settlements: readonly Settlement[]): void {
    for (const settlement of settlements) {
      const changeNo = this.changes.get(settlement);
      if (changeNo !== undefined) this.subscriptions.committed(changeNo);
    }
  }

  about(delivery: DeliveryRow): Readonly<Record<string, string>> {
    const { id, payload: event, subject_id: subscription } = delivery;
    return { delivery: id, event, subscription, ...this.known.get(delivery) };
  }

  /** What ended is counted by type where it is known, in `send`; what is left concerns the outbox. */
  report(outcome: ReportedOutcome): void {
    if (outcome === 'dead' || outcome === 'crash' || outcome === 'fenced') {
      this.metrics.pushEndings.inc({ sink: this.name, outcome });
    }
  }

  private async attempt(
    delivery: DeliveryRow,
    subscription: PushSubscriptionRow,
    event: LoadedEvent,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const { tag, publishedAt } = event;
    const text = this.texts.resolve(event.message, event.mediaType, subscription.language ?? undefined);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(this.config.push.timeoutMs)]);
    try {
      const device = this.deviceOf(subscription);
      const message = { id: delivery.id, tag, text, publishedAt };
      return await this.publishers.of(device.type).publish(message, device, deadline);
    } catch (error) {
      // A type that is not enabled any more, a secret that cannot be read, settings that are gone: a person has to look.
      if (error instanceof GatewayError) return { kind: 'refused', code: error.code, message: error.message };
      throw error;
    }
  }

  private deviceOf(row: PushSubscriptionRow): Device {
    const device = deviceOfRow(row);
    if (row.authorization === null) return device;
    return { ...device, authorization: this.secrets.open(row.authorization, row.id) };
  }
}

/** The comet part: claims only what is for users who are connected to this process. */
@Injectable()
export class CometSink extends PushSink {
  override readonly name = COMET_SINK;
  /** Destinations of the users who can be reached; set where the sessions are known. */
  reachable: () => readonly string[] = () => [];
}

/** Of a tag only its first part, and of a subscriber a hash: the rest may name a customer. */
function factsOf({ subscription, event }: Loaded): Record<string, string> {
  return {
    ...(event === undefined ? {} : { tag: event.tag.split('.')[0] ?? '' }),
    ...(subscription === undefined
      ? {}
      : {
          subscriber: shortHash(subscription.subscriber_id),
          type: subscription.type,
          // Of a callback scheme, host and port; a comet user's is the user.
          ...(subscription.type === 'comet' ? {} : { destination: subscription.destination }),
        }),
  };
}

function sendOutcomeOf(outcome: PushOutcome): SendOutcome {
  if (outcome.kind === 'sent') return { kind: 'delivered', status: outcome.status };
  if (outcome.kind !== 'gone') return outcome;
  const { code, message, status } = outcome;
  return {
    kind: 'cancelled',
    code: DEVICE_GONE,
    message: `${code}: ${message}`,
    ...(status === undefined ? {} : { status }),
  };
}
