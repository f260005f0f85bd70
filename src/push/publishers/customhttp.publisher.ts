import { Injectable } from '@nestjs/common';
import { checkAuthorization } from '../outbound/authorization.js';
import { CallbackProviders } from '../outbound/callback-providers.js';
import type { CallbackTarget } from '../outbound/callback-providers.js';
import { CallbackSender, refusalOf } from '../outbound/callback-sender.js';
import { DEVICE_ID_FIELD } from '../outbound/address-policy.js';
import { PushDeviceError } from '../push.errors.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

/**
 * `customhttp`: POSTs `{"deviceId", "message"}` to the one URL of the provider's settings, which passes it on to the device
 * (GMS 8.5, Push Notification Service, option customhttp.url).
 */
@Injectable()
export class CustomHttpPublisher implements Publisher {
  readonly types = ['customhttp'] as const;

  constructor(
    private readonly providers: CallbackProviders,
    private readonly sender: CallbackSender,
  ) {}

  check(device: Device): void {
    if (device.deviceId.trim() === '') {
      throw new PushDeviceError(DEVICE_ID_FIELD, 'must be the id by which the receiver knows the device');
    }
    checkAuthorization(device.authorization);
    this.providers.customhttp(device);
  }

  destinationOf(device: Device): string {
    return new URL(this.providers.customhttp(device).url).origin;
  }

  async publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome> {
    let target: CallbackTarget;
    try {
      target = this.providers.customhttp(device);
    } catch (error) {
      return refusalOf(error);
    }
    return this.sender.send(
      message,
      {
        url: new URL(target.url),
        urlFrom: 'operator',
        body: JSON.stringify({ deviceId: device.deviceId, message: message.text }),
        contentType: 'application/json',
        authorization: device.authorization ?? target.authorization,
        taken: (status) => status === 200,
      },
      signal,
    );
  }
}
