import { Injectable } from '@nestjs/common';
import { checkAuthorization } from '../outbound/authorization.js';
import { CallbackProviders } from '../outbound/callback-providers.js';
import type { CallbackTarget } from '../outbound/callback-providers.js';
import { CallbackSender, refusalOf } from '../outbound/callback-sender.js';
import { DEVICE_ID_FIELD } from '../outbound/address-policy.js';
import { PushDeviceError } from '../push.errors.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

/** Orchestration Server's ids have 32 letters and digits. A dot in front would climb up the URL's path. */
const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/**
 * `orscb`: sends an event to a session of Genesys Orchestration Server, whose id is the device's. The form is that of
 * ORS' external interface: `POST {url}/scxml/session/{session id}/event/{name}[?parameters]` (docs.genesys.com,
 * Orchestration Server 8.1.3 Developer's Guide, External Interfaces). The event's name is the tag; message, tag and id are its
 * parameters, as a form: the only body that ORS read before 8.1.400.30.
 */
@Injectable()
export class OrsCallbackPublisher implements Publisher {
  readonly types = ['orscb'] as const;

  constructor(
    private readonly providers: CallbackProviders,
    private readonly sender: CallbackSender,
  ) {}

  check(device: Device): void {
    if (!SESSION_ID.test(device.deviceId)) {
      throw new PushDeviceError(DEVICE_ID_FIELD, 'must be the id of an Orchestration Server session');
    }
    checkAuthorization(device.authorization);
    this.providers.orscb(device);
  }

  destinationOf(device: Device): string {
    return new URL(this.providers.orscb(device).url).origin;
  }

  async publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome> {
    let target: CallbackTarget;
    try {
      this.check(device);
      target = this.providers.orscb(device);
    } catch (error) {
      return refusalOf(error);
    }
    const { id, tag, text } = message;
    return this.sender.send(
      message,
      {
        url: eventUrl(target.url, device.deviceId, tag),
        urlFrom: 'operator',
        body: new URLSearchParams({ message: text, tag, id }).toString(),
        contentType: 'application/x-www-form-urlencoded',
        authorization: device.authorization ?? target.authorization,
        taken: (status) => status >= 200 && status < 300,
      },
      signal,
    );
  }
}

function eventUrl(base: string, session: string, name: string): URL {
  const url = new URL(base);
  const path = `/scxml/session/${encodeURIComponent(session)}/event/${encodeURIComponent(name)}`;
  url.pathname = url.pathname.replace(/\/+$/, '') + path;
  return url;
}
