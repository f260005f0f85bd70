import { Inject, Injectable } from '@nestjs/common';
import { secretsOfUrl } from '../../common/url-secrets.js';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import { AddressPolicy } from '../outbound/address-policy.js';
import { HostPatterns, hostOf } from '../outbound/host-patterns.js';
import { PushDeviceError } from '../push.errors.js';
import { requestProviderToken } from '../providers/oauth.js';
import { attempt } from '../providers/provider-attempt.js';
import { ProviderHttp } from '../providers/provider-http.js';
import { providerDestination, ProviderSettings } from '../providers/provider-settings.js';
import { ProviderToken } from '../providers/provider-token.js';
import type { WnsSettings } from '../providers/settings.js';
import { withToken } from '../providers/with-token.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';
import { wnsOutcome } from './wns-answer.js';
import { isBadgeByMessage, MAX_WNS_BYTES, wnsNotification } from './wns-notification.js';

const FIELD = 'notificationDetails.deviceId';
const RENEW_EVERY_MS = 30_000;
/** Below the usual 5 s after which servers close idle HTTP/1.1 connections. */
const KEEP_ALIVE_MS = 4_000;

interface Connection {
  http: ProviderHttp;
  token: ProviderToken;
}

/** Windows Push Notification Services (type wns): the device's id is its channel's URI. */
@Injectable()
export class WnsPublisher implements Publisher {
  readonly types = ['wns'] as const;
  /** By the settings' identity, thus as many as PUSH_PROVIDERS_FILE has. */
  private readonly connections = new Map<WnsSettings, Connection>();
  private readonly timeoutMs: number;
  private readonly concurrency: number;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'push'>,
    @Inject(ProviderSettings) private readonly providers: ProviderSettings,
    @Inject(AddressPolicy) private readonly policy: AddressPolicy,
  ) {
    this.timeoutMs = config.push.timeoutMs;
    this.concurrency = config.push.concurrency;
  }

  check(device: Device): void {
    this.channelOf(device, this.providers.wns(device));
    const { body } = wnsNotification(isBadgeByMessage(device) ? '0' : '', device);
    if (body.length > MAX_WNS_BYTES) throw new PushDeviceError('notificationDetails.properties', tooLarge(body));
  }

  destinationOf(device: Device): string {
    return providerDestination('wns', device);
  }

  async publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome> {
    return attempt('WNS', this.timeoutMs, signal, async (both) => {
      const settings = this.providers.wns(device);
      const url = this.channelOf(device, settings);
      const { headers, body } = wnsNotification(message.text, device);
      if (body.length > MAX_WNS_BYTES) return { kind: 'refused', code: 'push.too-large', message: tooLarge(body) };
      const { http, token } = this.connectionOf(settings);
      const secrets = [device.deviceId, url.href, ...secretsOfUrl(url)];
      const post = async (bearer: string): ReturnType<ProviderHttp['post']> =>
        http.post(
          { url, headers: { ...headers, authorization: `Bearer ${bearer}` }, body, secrets: [bearer, ...secrets] },
          both,
        );
      return withToken(token, both, post, ({ status }) => status === 401, wnsOutcome);
    });
  }

  async close(): Promise<void> {
    const open = [...this.connections.values()];
    this.connections.clear();
    await Promise.all(open.map(({ http }) => http.close()));
  }

  /**
   * The channel. Callers give it, and the app's access token goes there: only to the hosts that the settings name, which are
   * Microsoft's unless said otherwise and prove it by their certificates, and only where PUSH_ALLOWED_HOSTS lets callers' URLs go.
   */
  private channelOf(device: Device, settings: WnsSettings): URL {
    const url = this.policy.parse(device.deviceId, FIELD);
    if (url.protocol !== 'https:') throw new PushDeviceError(FIELD, 'must be the https URI of a WNS channel');
    if (new HostPatterns(settings.channelHosts).cover(hostOf(url.hostname))) return url;
    const hosts = settings.channelHosts.join(', ');
    throw new PushDeviceError(FIELD, `must be the URI of a WNS channel, on a host of ${hosts} (channelHosts)`);
  }

  private connectionOf(settings: WnsSettings): Connection {
    const known = this.connections.get(settings);
    if (known) return known;
    const { timeoutMs, concurrency: connections } = this;
    const http = new ProviderHttp({ connections, keepAliveMs: KEEP_ALIVE_MS, timeoutMs, ca: settings.ca });
    const { tokenUrl, scope, clientId, clientSecret } = settings;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope };
    const token = new ProviderToken(
      async () => requestProviderToken(http, 'WNS', tokenUrl, form, timeoutMs),
      RENEW_EVERY_MS,
    );
    const connection = { http, token };
    this.connections.set(settings, connection);
    return connection;
  }
}

function tooLarge(body: Buffer): string {
  return `the notification has ${String(body.length)} bytes; WNS takes at most ${String(MAX_WNS_BYTES)}`;
}
