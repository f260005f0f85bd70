import { Injectable } from '@nestjs/common';
import { AddressPolicy } from '../outbound/address-policy.js';
import { checkAuthorization } from '../outbound/authorization.js';
import { CallbackSender, refusalOf } from '../outbound/callback-sender.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

/**
 * `httpcb`: POSTs the message's text to the URL that is the device's id. Only 200 counts as taken, as the original has it
 * ("http post to specified url failed or did not return 200").
 */
@Injectable()
export class HttpCallbackPublisher implements Publisher {
  readonly types = ['httpcb'] as const;

  constructor(
    private readonly policy: AddressPolicy,
    private readonly sender: CallbackSender,
  ) {}

  check(device: Device): void {
    this.policy.parse(device.deviceId);
    checkAuthorization(device.authorization);
  }

  destinationOf(device: Device): string {
    return new URL(device.deviceId).origin;
  }

  async publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome> {
    let url: URL;
    try {
      // PUSH_ALLOWED_HOSTS may have become stricter since the subscription.
      url = this.policy.parse(device.deviceId);
    } catch (error) {
      return refusalOf(error);
    }
    return this.sender.send(
      message,
      {
        url,
        urlFrom: 'caller',
        body: message.text,
        contentType: isJson(message.text) ? 'application/json' : 'text/plain; charset=utf-8',
        authorization: device.authorization,
        taken: (status) => status === 200,
      },
      signal,
    );
  }
}

/** Whether a text is a JSON object or array; bare words and numbers are texts to those who read them. */
function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Not JSON is an answer here, no failure.
    return false;
  }
}
