import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { asError } from '../../common/errors.js';
import { serviceAccountSchema } from './provider-schema.js';
import type { GivenApns, GivenCallback, GivenFcm, GivenSecret, GivenSection, GivenWns } from './provider-schema.js';
import type { ProviderSecrets } from './provider-secrets.js';

/** Settings in their final form: secrets opened, keys parsed. Nothing of this is ever logged. */
export interface Section {
  ios?: ApnsSettings;
  fcm?: FcmSettings;
  wns?: WnsSettings;
  customhttp?: CallbackSettings;
  orscb?: CallbackSettings;
}

export interface ApnsSettings {
  /** Absent: Apple's own, production or sandbox as the device is. */
  url?: string;
  /** PEM of certificates that are trusted instead of the system's. */
  ca?: string;
  topic: string;
  expireS: number;
  credentials: ApnsTokenKey | { kind: 'certificate'; certificate: string; key: string; passphrase?: string };
}

export interface ApnsTokenKey {
  kind: 'token';
  keyId: string;
  teamId: string;
  key: KeyObject;
}

export interface FcmSettings {
  url: string;
  ca?: string;
  projectId: string;
  expireS: number;
  title?: string;
  body?: string;
  account: { email: string; keyId?: string; key: KeyObject; tokenUrl: string; audience: string };
}

export interface WnsSettings {
  ca?: string;
  clientId: string;
  clientSecret: string;
  tokenUrl: string;
  scope: string;
  /** Patterns of hosts that channels may be on: the access token is sent to them. */
  channelHosts: readonly string[];
}

/** Of customhttp and orscb. */
export interface CallbackSettings {
  url: string;
  authorization?: string;
}

/** Opens all secrets of a section; what is wrong is added to `secrets.problems` under its path, and left out here. */
export function openSection(given: GivenSection, path: string, secrets: ProviderSecrets): Section {
  const { ios, fcm, wns, customhttp, orscb } = given;
  return {
    ...named('ios', ios && apns(ios, `${path}.ios`, secrets)),
    ...named('fcm', fcm && firebase(fcm, `${path}.fcm`, secrets)),
    ...named('wns', wns && windows(wns, `${path}.wns`, secrets)),
    ...named('customhttp', customhttp && callback(customhttp, `${path}.customhttp`, secrets)),
    ...named('orscb', orscb && callback(orscb, `${path}.orscb`, secrets)),
  };
}

function apns(given: GivenApns, path: string, secrets: ProviderSecrets): ApnsSettings | undefined {
  const { topic, expireS } = given;
  const common = { ...named('url', given.url), ...trusted(given, path, secrets), topic, expireS };
  const pem = secrets.open(given.key, `${path}.key`);
  if (!('certificate' in given)) {
    const key = keyOf(pem, `${path}.key`, 'ec', secrets);
    return key && { ...common, credentials: { kind: 'token', keyId: given.keyId, teamId: given.teamId, key } };
  }
  const certificate = secrets.open(given.certificate, `${path}.certificate`);
  const pair = { certificate, key: pem, ...opened('passphrase', given.passphrase, path, secrets) };
  checkPair(pair, path, secrets);
  return { ...common, credentials: { kind: 'certificate', ...pair } };
}

function firebase(given: GivenFcm, path: string, secrets: ProviderSecrets): FcmSettings | undefined {
  const place = `${path}.serviceAccount`;
  const account = serviceAccountSchema.safeParse(jsonOf(secrets.open(given.serviceAccount, place)));
  if (!account.success) {
    const fields = account.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
    secrets.problem(place, `is no JSON key of a Google service account: look at ${fields}`);
    return undefined;
  }
  const { client_email: email, private_key: pem, private_key_id: keyId, token_uri: audience } = account.data;
  const projectId = given.projectId ?? account.data.project_id;
  if (projectId === undefined) secrets.problem(`${path}.projectId`, 'is missing, and the service account names none');
  const key = keyOf(pem, place, 'rsa', secrets);
  if (projectId === undefined || key === undefined) return undefined;
  return {
    url: given.url ?? 'https://fcm.googleapis.com',
    ...trusted(given, path, secrets),
    projectId,
    expireS: given.expireS,
    ...named('title', given.title),
    ...named('body', given.body),
    account: { email, ...named('keyId', keyId), key, tokenUrl: given.tokenUrl ?? audience, audience },
  };
}

function windows(given: GivenWns, path: string, secrets: ProviderSecrets): WnsSettings {
  const { clientId, tokenUrl, scope, channelHosts } = given;
  const clientSecret = secrets.open(given.clientSecret, `${path}.clientSecret`);
  return { ...trusted(given, path, secrets), clientId, clientSecret, tokenUrl, scope, channelHosts };
}

function callback({ url, authorization }: GivenCallback, path: string, secrets: ProviderSecrets): CallbackSettings {
  const header = opened('authorization', authorization, path, secrets);
  if (header.authorization !== undefined && /[^\t\x20-\x7e]/.test(header.authorization)) {
    secrets.problem(`${path}.authorization`, 'cannot stand in a header: visible ASCII characters only');
  }
  return { url, ...header };
}

function opened<K extends string>(
  name: K,
  given: GivenSecret | undefined,
  path: string,
  secrets: ProviderSecrets,
): { [N in K]?: string } {
  return named(name, given === undefined ? undefined : secrets.open(given, `${path}.${name}`));
}

/** `{ [name]: value }`, or nothing at all when there is no value. */
function named<K extends string, V>(name: K, value: V | undefined): { [N in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [N in K]?: V };
}

function trusted({ caFile }: { caFile?: string | undefined }, path: string, secrets: ProviderSecrets): { ca?: string } {
  return caFile === undefined ? {} : { ca: secrets.file(caFile, `${path}.caFile`) };
}

function keyOf(pem: string, path: string, type: 'ec' | 'rsa', secrets: ProviderSecrets): KeyObject | undefined {
  // Reported already.
  if (pem === '') return undefined;
  const kind = type === 'ec' ? 'a P-256 key as Apple gives it (.p8)' : 'an RSA key';
  try {
    const key = createPrivateKey(pem);
    const { asymmetricKeyType, asymmetricKeyDetails: details } = key;
    if (asymmetricKeyType === type && (type === 'rsa' || details?.namedCurve === 'prime256v1')) return key;
    secrets.problem(path, `is no private key of the right kind: it must be ${kind}`);
  } catch {
    // OpenSSL's reason says nothing that an operator could use.
    secrets.problem(path, `is no private key in PEM form: it must be ${kind}`);
  }
  return undefined;
}

function checkPair(
  pair: { certificate: string; key: string; passphrase?: string },
  path: string,
  secrets: ProviderSecrets,
): void {
  const { certificate, key, passphrase } = pair;
  if (certificate === '' || key === '') return;
  try {
    const parsed = new X509Certificate(certificate);
    const privateKey = createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) });
    if (!parsed.checkPrivateKey(privateKey)) secrets.problem(`${path}.key`, 'does not belong to the certificate');
  } catch (error) {
    secrets.problem(path, `certificate and key cannot be used (PEM is expected): ${asError(error).message}`);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Reported by the schema: undefined is no service account.
    return undefined;
  }
}
