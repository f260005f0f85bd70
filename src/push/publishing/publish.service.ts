import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Batcher } from '../../common/batcher.js';
import { Outbox } from '../../delivery/outbox.js';
import { Database } from '../../storage/database.js';
import type { PushEventRow } from '../../storage/push-tables.js';
import { StorageUnavailableError } from '../../storage/storage.errors.js';
import { Metrics } from '../../telemetry/metrics.js';
import { DEFAULT_PROVIDER, type PublicationRequest } from '../notification.schemas.js';
import { isOwnTag } from '../subscriptions/own-events-right.js';
import { TagReservedError } from '../tags/tag.errors.js';
import { checkTag } from '../tags/tag-grammar.js';
import { DirectPush } from './direct-push.js';
import { bodyHashOf, keyedEventId, type NewEvent } from './event.js';
import { EventRepository } from './event.repository.js';
import { FanOutWorker } from './fan-out-worker.service.js';
import { FanOut, type PublishAnswer, type Written } from './fan-out.js';
import { answerAgain } from './repeated.js';

/** Events of one transaction: a message has up to 256 KiB. */
const MAX_BATCH = 64;

export interface Publishing {
  /** Name of the API key. */
  caller: string;
  gmsUser?: string | undefined;
  /** The `Idempotency-Key` header. */
  idempotencyKey?: string | undefined;
}

type Outcome = { answer: PublishAnswer } | { known: PushEventRow };

/** Takes events from publishers: durable, with all their deliveries, before it answers. */
@Injectable()
export class PublishService {
  private readonly batcher = new Batcher<NewEvent, Outcome>(
    (events) => this.store(events),
    MAX_BATCH,
    (error) => error instanceof StorageUnavailableError,
  );

  constructor(
    private readonly database: Database,
    private readonly events: EventRepository,
    private readonly fanOut: FanOut,
    private readonly outbox: Outbox,
    private readonly worker: FanOutWorker,
    private readonly direct: DirectPush,
    private readonly metrics: Metrics,
  ) {}

  /**
   * With `notificationDetails` the event goes to that device at once, and to nobody else.
   * @throws PushSyntaxError, TagReservedError, PushTypeDisabledError, PushDeviceError, PushFailedError, IdempotencyMismatchError,
   *   PublicationUnderWayError
   */
  async publish(request: PublicationRequest, by: Publishing): Promise<PublishAnswer | { id: string }> {
    checkTag(request.tag);
    if (isOwnTag(request.tag)) throw new TagReservedError(request.tag);
    const event = eventOf(request, by);
    const { notificationDetails } = request;
    if (notificationDetails) return this.direct.push(event, notificationDetails, by.gmsUser);
    const outcome = await this.batcher.add(event);
    return 'answer' in outcome ? outcome.answer : answerAgain(outcome.known, event);
  }

  private async store(events: readonly NewEvent[]): Promise<Outcome[]> {
    return this.database.transaction(async (trx, afterCommit) => {
      const done = await this.fanOut.write(trx, events);
      const found: Outcome[] = [];
      for (const [i, { answer, isNew }] of done.entries()) {
        const { publishedBy, once } = events[i] as NewEvent;
        const known = isNew || !once ? undefined : await this.events.byKey(trx, publishedBy, once.key);
        found.push(known ? { known } : { answer });
      }
      afterCommit(() => {
        this.outbox.wake();
        if (done.some(({ isQueued }) => isQueued)) this.worker.wake();
        this.count(done);
      });
      return found;
    });
  }

  /** What goes to subscriptions later is counted then. */
  private count(written: readonly Written[]): void {
    for (const { answer, isNew, isQueued = false } of written) {
      if (!isNew) continue;
      this.metrics.pushPublished.inc();
      if (isQueued) continue;
      this.metrics.pushMatched.inc(answer.matched);
      if (answer.dropped !== undefined) this.metrics.pushDropped.inc({ reason: 'queue' }, answer.dropped);
    }
  }
}

function eventOf(request: PublicationRequest, { caller, gmsUser, idempotencyKey }: Publishing): NewEvent {
  const { tag, message = '', mediaType = 'string', providerName = DEFAULT_PROVIDER } = request;
  const once =
    idempotencyKey === undefined
      ? undefined
      : {
          key: idempotencyKey,
          bodyHash: bodyHashOf({ ...request, message, mediaType, providerName, user: userOf(request, gmsUser) }),
        };
  const id = idempotencyKey === undefined ? randomUUID() : keyedEventId(caller, idempotencyKey);
  return { id, tag, message, mediaType, providerName, publishedBy: caller, orderKey: tag, once };
}

/** The user counts where he is the device: in a direct publication by comet. */
function userOf({ notificationDetails }: PublicationRequest, gmsUser: string | undefined): string | undefined {
  return notificationDetails?.type === 'comet' ? gmsUser : undefined;
}
