import { GatewayError } from '../common/errors.js';

/** Package of the original's exception classes: clients of Genesys Mobile Services read the names (Notification API, errors). */
const GMS_PACKAGE = 'com.genesyslab.gsg.services.notification';

/** An error of the Notification API. `exception` is the class that the original would have named. */
export abstract class PushError extends GatewayError {
  abstract readonly exception: string;
}

/** 400: the device or its properties cannot be pushed to. */
export class PushDeviceError extends PushError {
  readonly code = 'push.device-invalid';
  override readonly status = 400;
  readonly exception = `${GMS_PACKAGE}.InvalidRequestException`;
  override readonly details: { field: string; message: string }[];

  /** @param field e.g. `notificationDetails.deviceId` */
  constructor(field: string, message: string, options?: { cause?: unknown }) {
    super(`${field}: ${message}`, options);
    this.details = [{ field, message }];
  }
}

export class SubscriptionNotFoundError extends PushError {
  readonly code = 'push.subscription-not-found';
  override readonly status = 404;
  readonly exception = `${GMS_PACKAGE}.SubscriptionNotFoundException`;

  constructor() {
    // The original's words: clients may compare them.
    super('Subscription ID not found');
  }
}

export class SubscriberNotFoundError extends PushError {
  readonly code = 'push.subscriber-not-found';
  override readonly status = 404;
  readonly exception = `${GMS_PACKAGE}.SubscriberNotFoundException`;

  constructor() {
    super('Subscriber ID not found');
  }
}

/** 404: the push type exists but is not in PUSH_ENABLED. */
export class PushTypeDisabledError extends PushError {
  readonly code = 'push.type-disabled';
  override readonly status = 404;
  readonly exception = `${GMS_PACKAGE}.PushTypeNotEnabledException`;

  constructor(type: string, enabled: readonly string[]) {
    super(`Push type ${type} is not enabled; enabled: ${enabled.join(', ')}. PUSH_ENABLED says which are.`);
  }
}

/** 404: another number than 1 or 2 in the path. */
export class ApiVersionError extends PushError {
  readonly code = 'push.api-version';
  override readonly status = 404;
  readonly exception = `${GMS_PACKAGE}.NotFoundException`;

  constructor() {
    super(
      'There is no such version of the Notification API; there are /genesys/1/notification and /genesys/2/notification.',
    );
  }
}

/** 403: only keys of the roles `publish` and `admin` hear the gateway's own events, since these speak of customers. */
export class OwnEventsForbiddenError extends PushError {
  readonly code = 'push.own-events-forbidden';
  override readonly status = 403;
  readonly exception = `${GMS_PACKAGE}.ForbiddenException`;

  constructor(filter: string, caller: string) {
    super(
      `The filter ${filter} is for the gateway's own events, which go to subscriptions of keys with the role publish or ` +
        `admin; the key "${caller}" has neither. Subscribe with such a key, or to other tags.`,
    );
  }
}

/** 429: a subscriber, a key or the gateway has as many subscriptions as it may. */
export class TooManySubscriptionsError extends PushError {
  readonly code = 'push.too-many-subscriptions';
  override readonly status = 429;
  readonly exception = `${GMS_PACKAGE}.LimitExceededException`;

  /** @param variable what sets the limit */
  constructor(who: string, limit: number, variable: string) {
    super(`${who} has ${limit} active subscriptions, the limit (${variable}). Delete some, or let them expire sooner.`);
  }
}

/** 422: the Idempotency-Key was used for another body. */
export class IdempotencyMismatchError extends PushError {
  readonly code = 'push.idempotency-mismatch';
  override readonly status = 422;
  readonly exception = `${GMS_PACKAGE}.InvalidRequestException`;

  constructor() {
    super('This Idempotency-Key was used for another event; use a new key for each event, the same one to repeat it.');
  }
}

/** 409: the same direct publication has not ended yet. */
export class PublicationUnderWayError extends PushError {
  readonly code = 'push.under-way';
  override readonly status = 409;
  readonly exception = `${GMS_PACKAGE}.ConflictException`;

  constructor() {
    super('The publication with this Idempotency-Key is under way; repeat it later to learn how it ended.');
  }
}

/** 503: the one attempt of a direct publication did not succeed. */
export class PushFailedError extends PushError {
  readonly code = 'push.failed';
  override readonly status = 503;
  readonly exception = `${GMS_PACKAGE}.ServiceUnavailableException`;
  /** A list as that of every error, with the one field whose device was not reached. */
  override readonly details: readonly [{ field: string; message: string; reason: string; status?: number }];

  constructor(reason: string, message: string, status?: number) {
    super(`The device was not reached: ${message}`);
    this.details = [{ field: 'notificationDetails', message, reason, ...(status === undefined ? {} : { status }) }];
  }
}
