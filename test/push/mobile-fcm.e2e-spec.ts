import { testConfig } from '../../src/config/testing/test-config.js';
import { FcmPublisher } from '../../src/push/publishers/fcm.publisher.js';
import type { PushMessage, PushOutcome } from '../../src/push/publishers/publisher.js';
import { verifiedToken } from '../helpers/fake-apns.js';
import { FakeFcm, FCM_TOKEN_PATH, fcmError } from '../helpers/fake-fcm.js';
import { deviceOf, pemPair, ProviderFiles } from '../helpers/provider-files.js';
import { PushServiceServer } from '../helpers/push-service.js';
import type { Seen } from '../helpers/push-service.js';

const MESSAGE: PushMessage = { id: 'event-1', tag: 'ors.contact.1', text: 'Grüße', publishedAt: 1 };
const AUDIENCE = 'https://oauth2.googleapis.com/token';
const never = new AbortController().signal;
const account = pemPair('rsa');

let server: PushServiceServer;
let google: FakeFcm;
let files: ProviderFiles;
let publisher: FcmPublisher;
/** Closed after each test, whatever became of it: an open server would keep jest from ending. */
let made: (() => Promise<void>)[];

function publisherFor(fcm: Record<string, unknown> = {}, env: Record<string, string> = {}): FcmPublisher {
  const key = {
    type: 'service_account',
    project_id: 'my-project',
    client_email: 'push@my-project.example',
    private_key_id: 'k1',
    private_key: account.pem,
  };
  const serviceAccount = { file: files.put('account.json', JSON.stringify(key)) };
  const common = { serviceAccount, url: server.url, tokenUrl: `${server.url}${FCM_TOKEN_PATH}`, caFile: files.caFile };
  const one = new FcmPublisher(
    testConfig(env),
    files.load({ default: { production: { fcm: { ...common, ...fcm } } } }),
  );
  made.push(async () => one.close());
  return one;
}

async function push(properties = {}, by = publisher, text = MESSAGE.text): Promise<PushOutcome> {
  return by.publish({ ...MESSAGE, text }, deviceOf('gcm', 'device-token', { properties }), never);
}

function sends(): Seen[] {
  return server.seen.filter(({ path }) => path !== FCM_TOKEN_PATH);
}

beforeEach(async () => {
  files = new ProviderFiles();
  made = [];
  server = await PushServiceServer.start();
  made.push(async () => server.stop());
  google = new FakeFcm();
  server.otherwise = google.answer;
  publisher = publisherFor();
});

afterEach(async () => {
  await Promise.all(made.map(async (close) => close()));
  files.remove();
});

describe('FCM: what is sent', () => {
  it('asks for a token by an assertion that the service account has signed, and sends with it', async () => {
    expect(await push()).toEqual({ kind: 'sent', status: 200 });
    const form = new URLSearchParams(server.seen[0]!.body);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { header, claims } = verifiedToken(form.get('assertion')!, account.publicKey);
    expect(header).toMatchObject({ alg: 'RS256', kid: 'k1' });
    expect(claims).toMatchObject({
      iss: 'push@my-project.example',
      aud: AUDIENCE,
      scope: 'https://www.googleapis.com/auth/firebase.messaging',
    });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(600);
    expect(server.seen[1]).toMatchObject({
      path: '/v1/projects/my-project/messages:send',
      headers: { authorization: 'Bearer access-1' },
    });
    expect(JSON.parse(server.seen[1]!.body)).toEqual({
      message: {
        token: 'device-token',
        data: { message: 'Grüße', tag: 'ors.contact.1', id: 'event-1' },
        android: { priority: 'HIGH', ttl: '86400s' },
      },
    });
  });

  it('asks for one token for many sends', async () => {
    await Promise.all(Array.from({ length: 20 }, async () => push()));
    expect(google.granted).toBe(1);
    expect(sends()).toHaveLength(20);
  });

  it('adds a notification when the device or the provider names one', async () => {
    await push({ 'gcm.title': 'Agent' });
    await push({ 'fcm.title': 'A', 'gcm.title': 'B', 'fcm.body': 'C' });
    const named = publisherFor({ title: 'Company', body: 'News' });
    await push({ 'fcm.title': 'Own' }, named);
    expect(sends().map(({ body }) => JSON.parse(body).message.notification)).toEqual([
      { title: 'Agent', body: 'Grüße' },
      { title: 'A', body: 'C' },
      { title: 'Own', body: 'News' },
    ]);
  });

  it('is at most 4,096 bytes of data and notification', async () => {
    expect(await push({}, publisher, 'ü'.repeat(2_100))).toMatchObject({
      kind: 'refused',
      code: 'push.too-large',
      message: expect.stringMatching(/have 42\d\d bytes/),
    });
    expect(server.seen).toHaveLength(0);
  });
});

describe('FCM: what an answer means', () => {
  it.each([
    [404, 'NOT_FOUND', 'UNREGISTERED', 'gone', undefined],
    [404, 'NOT_FOUND', undefined, 'retry', undefined],
    [400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'refused', undefined],
    [403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH', 'refused', undefined],
    [403, 'PERMISSION_DENIED', undefined, 'retry', undefined],
    [401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR', 'retry', undefined],
    [429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', 'retry', 60_000],
    [500, 'INTERNAL', 'INTERNAL', 'retry', undefined],
    [503, 'UNAVAILABLE', 'UNAVAILABLE', 'retry', undefined],
  ])('%d %s %s: %s', async (status, word, own, kind, retryAfterMs) => {
    google.send = () => fcmError(status, word, own);
    const message = `FCM answered ${String(status)} ${own ?? word}`;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    const kept = kind === 'gone' ? {} : { answer: expect.stringContaining(`"status":"${word}"`) };
    expect(await push()).toEqual({ kind, status, code: `push.fcm-${String(status)}`, message, ...wait, ...kept });
    expect([google.granted, sends().length]).toEqual([1, 1]);
  });

  it('a 404 without a code of FCM’s own ends the subscription only in the words that FCM has for devices', async () => {
    const notFound = (message: string) => () => ({
      status: 404,
      body: { error: { code: 404, status: 'NOT_FOUND', message } },
    });
    google.send = notFound('Requested entity was not found.');
    expect(await push()).toMatchObject({ kind: 'gone', status: 404 });
    google.send = notFound('Project my-project was not found.');
    expect(await push()).toMatchObject({ kind: 'retry', status: 404 });
  });

  it('honours Retry-After', async () => {
    google.send = () => fcmError(503, 'UNAVAILABLE', 'UNAVAILABLE', { 'retry-after': '9' });
    expect(await push()).toMatchObject({ kind: 'retry', retryAfterMs: 9_000 });
  });

  it('a page of something in between means try again, however large', async () => {
    google.send = () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: 'x'.repeat(1_000_000) });
    const answer = 'x'.repeat(2_048);
    expect(await push()).toMatchObject({ kind: 'retry', message: 'FCM answered 404', answer });
  });

  it('is kept without the device’s token, as it is and in a URL, and without the access token', async () => {
    google.send = ({ headers, body }) => {
      const { token } = (JSON.parse(body) as { message: { token: string } }).message;
      const [, bearer] = String(headers.authorization).split(' ');
      const message = `${token} of ${encodeURIComponent(token)} by ${bearer}`;
      return { status: 400, body: { error: { status: 'INVALID_ARGUMENT', message } } };
    };
    const outcome = await publisher.publish(MESSAGE, deviceOf('fcm', 'c0:APA91b_x-y'), never);
    const answer = '{"error":{"status":"INVALID_ARGUMENT","message":"*** of *** by ***"}}';
    expect(outcome).toMatchObject({ kind: 'refused', answer });
  });
});

describe('FCM: access tokens', () => {
  it('are renewed once for 50 sends that are rejected together, which then succeed at once', async () => {
    await push();
    google.validFrom = 2;
    const outcomes = await Promise.all(Array.from({ length: 50 }, async () => push()));
    expect(outcomes.every(({ kind }) => kind === 'sent')).toBe(true);
    expect(google.granted).toBe(2);
  });

  it('that are rejected again and again are not asked for again and again', async () => {
    google.validFrom = Infinity;
    expect(await push()).toMatchObject({ kind: 'retry', status: 401 });
    const outcome = await push();
    expect(outcome).toMatchObject({ kind: 'retry', code: 'push.provider-token', status: 401 });
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(20_000);
    expect(google.granted).toBe(2);
  });

  it('refused credentials are tried again later, not at once, and do not show', async () => {
    google.grant = () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT eyJ…' } });
    const outcome = {
      kind: 'retry',
      code: 'push.provider-token',
      retryAfterMs: 60_000,
      message: expect.stringMatching(/^no token for FCM: 127\.0\.0\.1:\d+ answered 400 invalid_grant$/),
    };
    expect(await push()).toEqual(outcome);
    expect(await push()).toEqual(outcome);
    expect(google.granted).toBe(1);
  });

  it.each([
    ['no token', { status: 200, body: { token: 'x' } }],
    ['no JSON', { status: 200, body: 'hello' }],
    ['an outage', { status: 503 }],
  ])('%s means try again', async (_, answer) => {
    google.grant = () => answer;
    expect(await push()).toMatchObject({ kind: 'retry', code: 'push.provider-token', retryAfterMs: 5_000 });
  });

  it('one that does not come in time means try again', async () => {
    const hasty = publisherFor({}, { PUSH_TIMEOUT_MS: '60' });
    server.otherwise = () => () => undefined;
    expect(await push({}, hasty)).toMatchObject({ kind: 'retry' });
  });
});

describe('FCM: devices', () => {
  it('of the former services are served by it', () => {
    expect(publisher.types).toEqual(['fcm', 'gcm', 'android']);
  });

  it.each([
    ['notificationDetails.deviceId', deviceOf('fcm', 'a b')],
    ['providerName', deviceOf('android', 'x', { debug: true })],
  ])('%s is named when it is wrong', (field, device) => {
    expect(() => publisher.check(device)).toThrow(
      expect.objectContaining({ status: 400, details: [expect.objectContaining({ field })] }),
    );
  });

  it('a good one passes', () => {
    expect(() => publisher.check(deviceOf('android', 'c0:APA91b_x-y'))).not.toThrow();
    expect(publisher.destinationOf(deviceOf('gcm', 'x'))).toBe('fcm:default:production');
  });
});
