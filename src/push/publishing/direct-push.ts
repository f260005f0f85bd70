import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { Database } from '../../storage/database.js';
import type { PushEventRow } from '../../storage/push-tables.js';
import { Logs, type Log } from '../../telemetry/logs.js';
import { Metrics } from '../../telemetry/metrics.js';
import { namedDevice } from '../device-of.js';
import type { PublicationRequest } from '../notification.schemas.js';
import { Texts } from '../providers/texts.js';
import type { Device, Publisher } from '../publishers/publisher.js';
import { PushPublishers } from '../publishers/push-publishers.js';
import { PublicationUnderWayError, PushFailedError } from '../push.errors.js';
import type { NewEvent } from './event.js';
import { EventRepository } from './event.repository.js';
import { answerAgain } from './repeated.js';

/** Longer than that after its deadline nobody ends a publication any more: its process died. */
const ABANDONED_MARGIN_MS = 15_000;

export interface DirectAnswer {
  id: string;
}

/** Publications to one device that the event itself names: one attempt, and the answer says whether it worked. */
@Injectable()
export class DirectPush {
  private readonly log: Log;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly database: Database,
    private readonly events: EventRepository,
    private readonly publishers: PushPublishers,
    private readonly texts: Texts,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('push');
  }

  /** @throws PushTypeDisabledError, PushDeviceError, PushFailedError, IdempotencyMismatchError, PublicationUnderWayError */
  async push(
    event: NewEvent,
    details: NonNullable<PublicationRequest['notificationDetails']>,
    gmsUser: string | undefined,
  ): Promise<DirectAnswer> {
    const publisher = this.publishers.of(details.type);
    const device = namedDevice(details, { providerName: event.providerName, gmsUser });
    await publisher.check(device);
    const known = event.once && (await this.begin(event, event.once.key));
    if (known) return answerAgain(known, event);
    this.metrics.pushPublished.inc();
    const answer = { id: event.id };
    try {
      await this.attempt(event, publisher, device);
    } catch (error) {
      if (event.once) await this.forget(event.id);
      throw error;
    }
    if (event.once) await this.events.saveAnswer(event.id, JSON.stringify(answer));
    return answer;
  }

  /** Stores that it is under way. Answers the row of the first one with this key, unless that was given up. */
  private async begin(event: NewEvent, key: string): Promise<PushEventRow | undefined> {
    const { db } = this.database;
    const inserted = await this.events.insert(db, [{ event, matched: 0, answer: null }]);
    if (inserted.has(event.id)) return undefined;
    const known = await this.events.byKey(db, event.publishedBy, key);
    // It failed and was forgotten between the two: for this caller it is still under way.
    if (!known) throw new PublicationUnderWayError();
    const isOurs = known.answer === null && known.body_hash === event.once?.bodyHash;
    const abandonedMs = this.config.push.timeoutMs + ABANDONED_MARGIN_MS;
    return isOurs && (await this.events.takeOver(known.id, abandonedMs)) ? undefined : known;
  }

  private async attempt(event: NewEvent, publisher: Publisher, device: Device): Promise<void> {
    const text = this.texts.resolve(event.message, event.mediaType, undefined);
    const message = { id: event.id, tag: event.tag, text, publishedAt: Date.now() };
    const outcome = await publisher.publish(message, device, AbortSignal.timeout(this.config.push.timeoutMs));
    this.metrics.pushOutcomes.inc({ type: device.type, outcome: outcome.kind });
    if (outcome.kind !== 'sent') throw new PushFailedError(outcome.code, outcome.message, outcome.status);
  }

  /** The same key may try again. Never rejects: an attempt that cannot be forgotten is taken over in time. */
  private async forget(id: string): Promise<void> {
    try {
      await this.events.forgetUnanswered(id);
    } catch (err) {
      this.log.warn({ err, event: id }, 'a failed publication stays reserved until it counts as abandoned');
    }
  }
}
