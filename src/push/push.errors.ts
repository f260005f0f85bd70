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
