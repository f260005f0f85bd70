import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import { PushDeviceError } from '../push.errors.js';
import { signedToken } from '../providers/jwt.js';
import { requestProviderToken } from '../providers/oauth.js';
import { attempt } from '../providers/provider-attempt.js';
import { ProviderHttp } from '../providers/provider-http.js';
import { providerDestination, ProviderSettings } from '../providers/provider-settings.js';
import { ProviderToken } from '../providers/provider-token.js';
import type { FcmSettings } from '../providers/settings.js';
import { withToken } from '../providers/with-token.js';
import { fcmOutcome, isTokenRejected } from './fcm-answer.js';
import { fcmRequest, MAX_FCM_BYTES } from './fcm-message.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Google takes assertions of up to an hour. */
const ASSERTION_LIFE_S = 600;
const RENEW_EVERY_MS = 30_000;
/** Google keeps idle connections for 4 minutes. */
const KEEP_ALIVE_MS = 60_000;

interface Connection {
  http: ProviderHttp;
  token: ProviderToken;
}

/**
 * Firebase Cloud Messaging, HTTP v1. It serves the types fcm, gcm and android: of those, Google has shut down C2DM (android)
 * in 2015 and GCM in 2019, and a device of theirs has to register anew with Firebase.
 *
 * The service account's grant is made here, since google-auth-library asks Google's own address only, takes proxies from the
 * environment, and knows neither deadline nor limit for the answer.
 */
@Injectable()
export class FcmPublisher implements Publisher {
  readonly types = ['fcm', 'gcm', 'android'] as const;
  /** By the settings' identity, thus as many as PUSH_PROVIDERS_FILE has. */
  private readonly connections = new Map<FcmSettings, Connection>();
  private readonly timeoutMs: number;
  private readonly concurrency: number;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'push'>,
    @Inject(ProviderSettings) private readonly providers: ProviderSettings,
  ) {
    this.timeoutMs = config.push.timeoutMs;
    this.concurrency = config.push.concurrency;
  }

  check(device: Device): void {
    const settings = this.providers.fcm(device);
    if (!/^[\x21-\x7e]+$/.test(device.deviceId)) {
      throw new PushDeviceError(
        'notificationDetails.deviceId',
        'must be an FCM registration token: visible ASCII only',
      );
    }
    const { bytes } = fcmRequest({ id: '', tag: '', text: '', publishedAt: 0 }, device, settings);
    if (bytes > MAX_FCM_BYTES) throw new PushDeviceError('notificationDetails.properties', tooLarge(bytes));
  }

  destinationOf(device: Device): string {
    return providerDestination('fcm', device);
  }

  async publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome> {
    return attempt('FCM', this.timeoutMs, signal, async (both) => {
      const settings = this.providers.fcm(device);
      const { text, bytes } = fcmRequest(message, device, settings);
      if (bytes > MAX_FCM_BYTES) return { kind: 'refused', code: 'push.too-large', message: tooLarge(bytes) };
      const { http, token } = this.connectionOf(settings);
      const url = new URL(`/v1/projects/${encodeURIComponent(settings.projectId)}/messages:send`, settings.url);
      const { deviceId } = device;
      const post = async (bearer: string): ReturnType<ProviderHttp['post']> =>
        http.post({ url, headers: headersOf(bearer), body: text, secrets: [bearer, deviceId] }, both);
      return withToken(token, both, post, isTokenRejected, fcmOutcome);
    });
  }

  async close(): Promise<void> {
    const open = [...this.connections.values()];
    this.connections.clear();
    await Promise.all(open.map(({ http }) => http.close()));
  }

  private connectionOf(settings: FcmSettings): Connection {
    const known = this.connections.get(settings);
    if (known) return known;
    const { timeoutMs, concurrency: connections } = this;
    const http = new ProviderHttp({ connections, keepAliveMs: KEEP_ALIVE_MS, timeoutMs, ca: settings.ca });
    const { account } = settings;
    const token = new ProviderToken(
      async () => requestProviderToken(http, 'FCM', account.tokenUrl, grantOf(account), timeoutMs),
      RENEW_EVERY_MS,
    );
    const connection = { http, token };
    this.connections.set(settings, connection);
    return connection;
  }
}

/** RFC 7523: the account proves itself by a token that it has signed. */
function grantOf({ email, audience, key, keyId }: FcmSettings['account']): Record<string, string> {
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { iss: email, scope: SCOPE, aud: audience, iat, exp: iat + ASSERTION_LIFE_S };
  const header = keyId === undefined ? {} : { kid: keyId };
  return { grant_type: JWT_BEARER, assertion: signedToken(key, header, claims) };
}

function headersOf(bearer: string): Record<string, string> {
  return { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${bearer}` };
}

function tooLarge(bytes: number): string {
  return `data and notification have ${String(bytes)} bytes; FCM takes at most ${String(MAX_FCM_BYTES)}`;
}
