import { isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import { PushDeviceError } from '../push.errors.js';
import { BLOCKED_PORTS } from './blocked-ports.js';
import { HostPatterns, hostOf } from './host-patterns.js';
import { isPublicAddress } from './special-addresses.js';

/** What browsers and servers take without trouble. */
const MAX_URL_LENGTH = 2_048;
/** The field of the Notification API that holds a callback's URL. */
export const DEVICE_ID_FIELD = 'notificationDetails.deviceId';

/**
 * Where URLs that callers give may lead: to public hosts, and to those that PUSH_ALLOWED_HOSTS names. Otherwise whoever may
 * subscribe could make the gateway talk to its own neighbours (server-side request forgery).
 *
 * Judged twice: when a URL is taken, and again, on the very address, whenever a connection is made (guarded-connector.ts),
 * since what a name leads to is known only then.
 */
@Injectable()
export class AddressPolicy {
  private readonly allowed: HostPatterns;

  constructor(@Inject(CONFIG) config: Pick<Config, 'push'>) {
    this.allowed = new HostPatterns(config.push.allowedHosts);
  }

  /**
   * The URL of a callback, normalised: decimal, octal, hexadecimal, shortened and full-width forms of addresses are seen for
   * what they are.
   *
   * @param field named in the error
   * @throws PushDeviceError when it is no URL, or leads where callbacks may not go
   */
  parse(text: string, field = DEVICE_ID_FIELD): URL {
    const url = text.length <= MAX_URL_LENGTH && !hasControls(text) && URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) {
      throw new PushDeviceError(field, `must be an http or https URL of at most ${String(MAX_URL_LENGTH)} characters`);
    }
    const objection = this.objectionTo(url);
    if (objection !== undefined) throw new PushDeviceError(field, objection);
    return url;
  }

  /**
   * Whether a connection to an address may be made.
   *
   * @param host the URL's host that led there: one that is allowed by name may lead anywhere
   */
  permits(address: string, host: string): boolean {
    return this.isListed(host) || this.isListed(address) || isPublicAddress(address);
  }

  /** Whether PUSH_ALLOWED_HOSTS covers a URL's host. */
  isListed(host: string): boolean {
    return this.allowed.cover(hostOf(host));
  }

  private objectionTo(url: URL): string | undefined {
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      return `must be an http or https URL, not ${url.protocol}`;
    if (url.username !== '' || url.password !== '') {
      return 'must not hold a user or password; the field authorization is the place for them';
    }
    if (url.port === '0') return 'must not name port 0';
    const host = hostOf(url.hostname);
    if (this.allowed.cover(host)) return undefined;
    if (isIP(host) !== 0 && !isPublicAddress(host)) return notAllowed(host, 'is no public address');
    if (isIP(host) === 0 && !isPublicName(host)) return notAllowed(host, 'is no public host name');
    if (BLOCKED_PORTS.has(Number(url.port || undefined))) return notAllowed(host, `port ${url.port} is no web port`);
    return undefined;
  }
}

/** Spaces around a URL are cut off, as in the original's own example; within it, browsers drop what people do not see. */
function hasControls(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** A name with a domain. Those without are completed from the machine's own search list, or are the machine itself. */
function isPublicName(host: string): boolean {
  return /^[^.]+(\.[^.]+)+$/.test(host) && !host.endsWith('.localhost');
}

function notAllowed(host: string, reason: string): string {
  return `${host} cannot be called: ${reason}; PUSH_ALLOWED_HOSTS can allow the host`;
}
