import { Inject, Injectable } from '@nestjs/common';
import { withAnswer } from '../../common/answer-start.js';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import { PushDeviceError } from '../push.errors.js';
import { signedToken } from '../providers/jwt.js';
import { attempt } from '../providers/provider-attempt.js';
import { ProviderHttp } from '../providers/provider-http.js';
import type { ProviderAnswer } from '../providers/provider-http.js';
import { providerDestination, ProviderSettings } from '../providers/provider-settings.js';
import { ProviderToken } from '../providers/provider-token.js';
import type { ApnsSettings, ApnsTokenKey } from '../providers/settings.js';
import { withToken } from '../providers/with-token.js';
import { apnsOutcome, isExpiredProviderToken } from './apns-answer.js';
import { apnsNotification, MAX_APNS_BYTES } from './apns-notification.js';
import type { ApnsNotification } from './apns-notification.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

const PRODUCTION = 'https://api.push.apple.com';
const SANDBOX = 'https://api.sandbox.push.apple.com';

/** Each carries as many pushes at a time as Apple lets it (1,000); four bear the loss of one without a pause. */
const CONNECTIONS = 4;
/** Apple takes opening and closing in quick succession for an attack: connections stay. */
const KEEP_ALIVE_MS = 10 * 60_000;
/** Apple refuses provider tokens older than 60 minutes, and wants the same one for at least 20. */
const TOKEN_LIFE_MS = 50 * 60_000;
const RENEW_EVERY_MS = 20 * 60_000;

/** Apple speaks of "variable length" and has 32 bytes now, written in hexadecimal. */
const DEVICE_TOKEN = /^[0-9A-Fa-f]{32,200}$/;

interface Connection {
  http: ProviderHttp;
  token?: ProviderToken;
}

/**
 * Apple Push Notification service (type ios) over HTTP/2, with a signing key or a certificate. undici has the connections:
 * the APNs packages keep them and their tokens in ways that a deadline, a wish to wait or a burst of rejections cannot reach.
 */
@Injectable()
export class ApnsPublisher implements Publisher {
  readonly types = ['ios'] as const;
  /** By the settings' identity, thus as many as PUSH_PROVIDERS_FILE has. */
  private readonly connections = new Map<ApnsSettings, Connection>();
  private readonly timeoutMs: number;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'push'>,
    @Inject(ProviderSettings) private readonly providers: ProviderSettings,
  ) {
    this.timeoutMs = config.push.timeoutMs;
  }

  check(device: Device): void {
    const settings = this.providers.apns(device);
    if (!DEVICE_TOKEN.test(device.deviceId)) {
      throw new PushDeviceError(
        'notificationDetails.deviceId',
        'must be an APNs device token: 32 to 200 hexadecimal digits',
      );
    }
    const { body } = apnsNotification({ id: '', tag: '', text: '', publishedAt: 0 }, device, settings);
    if (body.length > MAX_APNS_BYTES) throw new PushDeviceError('notificationDetails.properties', tooLarge(body));
  }

  destinationOf(device: Device): string {
    return providerDestination('apns', device);
  }

  async publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome> {
    return attempt('APNs', this.timeoutMs, signal, async (both) => {
      const settings = this.providers.apns(device);
      const notification = apnsNotification(message, device, settings);
      if (notification.body.length > MAX_APNS_BYTES) {
        return { kind: 'refused', code: 'push.too-large', message: tooLarge(notification.body) };
      }
      return this.send(notification, device, settings, both);
    });
  }

  async close(): Promise<void> {
    const open = [...this.connections.values()];
    this.connections.clear();
    await Promise.all(open.map(({ http }) => http.close()));
  }

  private async send(
    notification: ApnsNotification,
    device: Device,
    settings: ApnsSettings,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const { http, token } = this.connectionOf(settings);
    const origin = settings.url ?? (device.debug ? SANDBOX : PRODUCTION);
    const { deviceId } = device;
    const url = new URL(`/3/device/${deviceId}`, origin);
    const deviceForms = [deviceId, deviceId.toLowerCase(), deviceId.toUpperCase()];
    const post = async (bearer?: string): Promise<ProviderAnswer> => {
      const authorization = bearer === undefined ? {} : { authorization: `bearer ${bearer}` };
      const headers = { ...notification.headers, ...authorization };
      const secrets = [...deviceForms, ...(bearer === undefined ? [] : [bearer])];
      return http.post({ url, headers, body: notification.body, secrets }, signal);
    };
    if (token === undefined) {
      const answer = await post();
      return withAnswer(apnsOutcome(answer), answer.start);
    }
    return withToken(token, signal, post, isExpiredProviderToken, apnsOutcome);
  }

  private connectionOf(settings: ApnsSettings): Connection {
    const known = this.connections.get(settings);
    if (known) return known;
    const { credentials, ca } = settings;
    const client = credentials.kind === 'certificate' ? credentials : undefined;
    const options = { connections: CONNECTIONS, keepAliveMs: KEEP_ALIVE_MS, timeoutMs: this.timeoutMs, ca, client };
    const connection: Connection = {
      http: new ProviderHttp(options),
      ...(credentials.kind === 'token' ? { token: apnsToken(credentials) } : {}),
    };
    this.connections.set(settings, connection);
    return connection;
  }
}

/** The token for one key. @param now epoch ms */
export function apnsToken({ key, keyId, teamId }: ApnsTokenKey, now: () => number = Date.now): ProviderToken {
  const grant = async (): Promise<{ value: string; lifeMs: number }> => ({
    value: signedToken(key, { kid: keyId }, { iss: teamId, iat: Math.floor(now() / 1_000) }),
    lifeMs: TOKEN_LIFE_MS,
  });
  return new ProviderToken(grant, RENEW_EVERY_MS, now);
}

function tooLarge(body: Buffer): string {
  return `the notification has ${String(body.length)} bytes; Apple takes at most ${String(MAX_APNS_BYTES)}`;
}
