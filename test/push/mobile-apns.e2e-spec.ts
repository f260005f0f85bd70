import { testConfig } from '../../src/config/testing/test-config.js';
import { ApnsPublisher } from '../../src/push/publishers/apns.publisher.js';
import type { PushMessage, PushOutcome } from '../../src/push/publishers/publisher.js';
import { apnsError, bearerOf, expiresFirstToken, verifiedToken } from '../helpers/fake-apns.js';
import { deviceOf, pemPair, ProviderFiles } from '../helpers/provider-files.js';
import { PushServiceServer, TEST_CERTIFICATE, TEST_KEY } from '../helpers/push-service.js';
import type { Exchange } from '../helpers/push-service.js';

const TOKEN = 'ab12'.repeat(16);
const MESSAGE: PushMessage = {
  id: '4b1c6d0e-5f0a-4c4e-9a51-0a2b3c4d5e6f',
  tag: 'gms.notification.agentstatus',
  text: 'Agent availability',
  publishedAt: 1_795_000_000_400,
};
const never = new AbortController().signal;
const signing = pemPair('ec');

let server: PushServiceServer;
let files: ProviderFiles;
let publisher: ApnsPublisher;
/** Closed after each test, whatever became of it: an open server would keep jest from ending. */
let made: (() => Promise<void>)[];

function kept<T extends { close(): Promise<void> }>(publisher: T): T {
  made.push(async () => publisher.close());
  return publisher;
}

async function started(options: Parameters<typeof PushServiceServer.start>[0] = {}): Promise<PushServiceServer> {
  const fresh = await PushServiceServer.start(options);
  made.push(async () => fresh.stop());
  return fresh;
}

function publisherFor(ios: Record<string, unknown>, env: Record<string, string> = {}): ApnsPublisher {
  const common = { topic: 'com.example.app', url: server.url, caFile: files.caFile };
  const settings = files.load({ default: { production: { ios: { ...common, ...ios } } } });
  return kept(new ApnsPublisher(testConfig(env), settings));
}

function byToken(env: Record<string, string> = {}): ApnsPublisher {
  const key = { file: files.put('key.p8', `${signing.pem}\n`) };
  return publisherFor({ keyId: 'KEY4567890', teamId: 'TEAM567890', key }, env);
}

async function push(properties = {}, message: Partial<PushMessage> = {}, by = publisher): Promise<PushOutcome> {
  return by.publish({ ...MESSAGE, ...message }, deviceOf('ios', TOKEN, { properties }), never);
}

beforeEach(async () => {
  made = [];
  files = new ProviderFiles();
  server = await started();
  publisher = byToken();
});

afterEach(async () => {
  await Promise.all(made.map(async (close) => close()));
  files.remove();
});

describe('APNs: what is sent', () => {
  it('has Apple’s headers, and a provider token that the key has signed', async () => {
    expect(await push()).toEqual({ kind: 'sent', status: 200 });
    const [seen] = server.seen;
    expect(seen).toMatchObject({
      path: `/3/device/${TOKEN}`,
      headers: {
        'apns-topic': 'com.example.app',
        'apns-id': MESSAGE.id,
        'apns-push-type': 'alert',
        'apns-priority': '10',
        'apns-expiration': String(1_795_000_000 + 86_400),
      },
    });
    const { header, claims } = verifiedToken(bearerOf(seen!), signing.publicKey);
    expect(header).toMatchObject({ alg: 'ES256', kid: 'KEY4567890' });
    expect(claims.iss).toBe('TEAM567890');
    expect(Math.abs(Date.now() / 1_000 - Number(claims.iat))).toBeLessThan(60);
    expect(seen!.headers).not.toHaveProperty('apns-collapse-id');
  });

  it('is the document’s example: another alert body, a badge and a sound, and the message beside them', async () => {
    await push({ 'apple.alertMessage.body': 'Agent is available.', 'apple.badge': 9, 'apple.sound': 'bingbong.aiff' });
    expect(JSON.parse(server.seen[0]!.body)).toEqual({
      aps: { alert: { body: 'Agent is available.' }, badge: 9, sound: 'bingbong.aiff' },
      message: 'Agent availability',
      tag: MESSAGE.tag,
      id: MESSAGE.id,
    });
  });

  it('takes the message for the alert’s body, and passes what the app localises itself', async () => {
    await push();
    await push({
      'apple.alertMessage.loc-key': 'AGENT',
      'apple.alertMessage.loc-args': '["Ann","5"]',
      'apple.badge': '3',
    });
    expect(JSON.parse(server.seen[0]!.body).aps).toEqual({ alert: { body: 'Agent availability' } });
    expect(JSON.parse(server.seen[1]!.body).aps).toEqual({
      alert: { 'loc-key': 'AGENT', 'loc-args': ['Ann', '5'] },
      badge: 3,
    });
  });

  it('only wakes the app when there is nothing to show', async () => {
    await push({}, { text: '', id: 'no-uuid' });
    const [seen] = server.seen;
    expect(JSON.parse(seen!.body).aps).toEqual({ 'content-available': 1 });
    expect(seen!.headers).toMatchObject({ 'apns-push-type': 'background', 'apns-priority': '5' });
    expect(seen!.headers['apns-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-/);
  });

  it('is at most 4,096 bytes: more is refused with the size and not sent', async () => {
    const outcome = await push({}, { text: 'x'.repeat(4_000) });
    expect(outcome).toMatchObject({
      kind: 'refused',
      code: 'push.too-large',
      message: expect.stringMatching(/has 8\d\d\d bytes.* 4096$/),
    });
    expect(server.seen).toHaveLength(0);
  });

  it('uses one connection for many', async () => {
    for (let i = 0; i < 20; i++) await push();
    expect(server.seen).toHaveLength(20);
    expect(server.connections).toBe(1);
  });

  it('proves itself by a certificate where the settings have one', async () => {
    server = await started({ requestCert: true });
    const certified = publisherFor({
      certificate: { file: files.put('client.pem', TEST_CERTIFICATE) },
      key: { file: files.put('client.key', TEST_KEY) },
    });
    expect(await push({}, {}, certified)).toEqual({ kind: 'sent', status: 200 });
    expect(server.seen[0]).toMatchObject({ client: 'push services of the tests' });
    expect(server.seen[0]!.headers).not.toHaveProperty('authorization');
  });
});

describe('APNs: what an answer means', () => {
  it.each([
    [410, 'Unregistered', 'gone'],
    [410, 'ExpiredToken', 'gone'],
    [400, 'BadDeviceToken', 'gone'],
    [400, 'DeviceTokenNotForTopic', 'gone'],
    [400, 'TopicDisallowed', 'refused'],
    [400, 'PayloadEmpty', 'refused'],
    [400, 'IdleTimeout', 'retry'],
    [403, 'InvalidProviderToken', 'retry'],
    [403, 'BadCertificate', 'retry'],
    [404, 'BadPath', 'refused'],
    [413, 'PayloadTooLarge', 'refused'],
    [429, 'TooManyRequests', 'retry'],
    [500, 'InternalServerError', 'retry'],
    [503, 'ServiceUnavailable', 'retry'],
  ])('%d %s: %s', async (status, reason, kind) => {
    server.script = [apnsError(status, reason)];
    const message = `APNs answered ${String(status)} ${reason}`;
    const answer = kind === 'gone' ? {} : { answer: JSON.stringify({ reason }) };
    expect(await push()).toEqual({ kind, status, code: `push.apns-${String(status)}`, message, ...answer });
    expect(server.seen).toHaveLength(1);
  });

  it('honours Retry-After', async () => {
    server.script = [
      apnsError(429, 'TooManyRequests', { 'retry-after': '7' }),
      apnsError(503, 'Shutdown', { 'retry-after': '1' }),
    ];
    expect(await push()).toMatchObject({ kind: 'retry', retryAfterMs: 7_000 });
    expect(await push()).toMatchObject({ kind: 'retry', retryAfterMs: 1_000 });
  });

  it('carries no words of a stranger into messages', async () => {
    server.script = [{ status: 400, body: '<html>secret</html>' }, apnsError(400, 'secret words of a proxy')];
    expect(await push()).toMatchObject({ kind: 'retry', message: 'APNs answered 400', answer: '<html>secret</html>' });
    expect(await push()).toMatchObject({ kind: 'retry', message: 'APNs answered 400' });
  });

  it('keeps 2 KiB of it, without the device token, however it is written, and the provider token', async () => {
    server.otherwise = (seen) => {
      const sent = [bearerOf(seen), seen.path, TOKEN.toUpperCase(), 'x'.repeat(20_000)].join(' ');
      return { status: 400, body: `{"reason":"TopicDisallowed","sent":"${sent}"}` };
    };
    const outcome = await push();
    const { answer } = outcome as { answer: string };
    expect(answer).toMatch(/^{"reason":"TopicDisallowed","sent":"\*\*\* \/3\/device\/\*\*\* \*\*\* x+$/);
    expect(answer).toHaveLength(2_048);
  });

  it('keeps the answer to a certificate, too', async () => {
    const certified = publisherFor({
      certificate: { file: files.put('client.pem', TEST_CERTIFICATE) },
      key: { file: files.put('client.key', TEST_KEY) },
    });
    server.otherwise = ({ path }) => ({ status: 413, body: `{"reason":"PayloadTooLarge","path":"${path}"}` });
    const answer = '{"reason":"PayloadTooLarge","path":"/3/device/***"}';
    expect(await push({}, {}, certified)).toMatchObject({ kind: 'refused', answer });
  });
});

describe('APNs: provider tokens', () => {
  it('are renewed once for 50 sends that find theirs expired, which then succeed at once', async () => {
    server.otherwise = expiresFirstToken();
    const outcomes = await Promise.all(Array.from({ length: 50 }, async () => push()));
    expect(outcomes.every(({ kind }) => kind === 'sent')).toBe(true);
    expect(new Set(server.seen.map(bearerOf)).size).toBe(2);
  });

  it('are not renewed again within 20 minutes, whatever Apple says', async () => {
    server.otherwise = () => apnsError(403, 'ExpiredProviderToken');
    expect(await push()).toMatchObject({ kind: 'retry', status: 403 });
    const outcome = await push();
    const answer = '{"reason":"ExpiredProviderToken"}';
    expect(outcome).toMatchObject({ kind: 'retry', code: 'push.provider-token', status: 403, answer });
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(19 * 60_000);
    expect(new Set(server.seen.map(bearerOf)).size).toBe(2);
    expect(server.seen).toHaveLength(3);
  });
});

describe('APNs: connections that fail', () => {
  const held = (): { answer: (exchange: Exchange) => void; exchange: Promise<Exchange> } => {
    let got: (exchange: Exchange) => void = () => undefined;
    const exchange = new Promise<Exchange>((resolve) => (got = resolve));
    return { answer: (taken) => got(taken), exchange };
  };

  it('GOAWAY lets the requests finish that Apple has taken; the next go over another connection, none goes twice', async () => {
    const { answer, exchange } = held();
    server.script = [answer];
    const first = push();
    const { session, response } = await exchange;
    session!.goaway(0);
    const second = push();
    response.writeHead(200);
    response.end();
    expect([(await first).kind, (await second).kind]).toEqual(['sent', 'sent']);
    expect(server.seen).toHaveLength(2);
    expect(server.connections).toBe(2);
  });

  it('a connection that is torn down means try again, and the next push makes another', async () => {
    const { answer, exchange } = held();
    server.script = [answer];
    const first = push();
    (await exchange).seen.socket.destroy();
    expect(await first).toMatchObject({ kind: 'retry', code: 'push.unreachable' });
    expect(await push()).toEqual({ kind: 'sent', status: 200 });
  });

  it('a reset after the status is no reason to push again when it was 200, and tells nothing when it was 400', async () => {
    const reset =
      (status: number) =>
      ({ response }: Exchange): void => {
        response.writeHead(status, { 'content-length': '100' });
        response.write(`{"reason":"${TOKEN.slice(0, 10)}`);
        // After the frames above are on their way.
        setImmediate(() => response.stream.close(2));
      };
    server.script = [reset(200), reset(400), reset(410)];
    expect(await push()).toEqual({ kind: 'sent', status: 200 });
    const cut = await push();
    expect(cut).toMatchObject({ kind: 'retry', code: 'push.apns-400' });
    expect(cut).not.toHaveProperty('answer');
    expect(await push()).toMatchObject({ kind: 'gone', code: 'push.apns-410' });
  });

  it('an answer that does not come within PUSH_TIMEOUT_MS means try again', async () => {
    const hasty = byToken({ PUSH_TIMEOUT_MS: '60' });
    server.otherwise = () => () => undefined;
    const outcome = await push({}, {}, hasty);
    expect(outcome).toEqual({
      kind: 'retry',
      code: 'push.timeout',
      message: 'APNs did not answer within 60 ms (PUSH_TIMEOUT_MS)',
    });
  });

  it('gives up at the shutdown', async () => {
    const shutdown = new AbortController();
    server.otherwise = () => () => undefined;
    const outcome = publisher.publish(MESSAGE, deviceOf('ios', TOKEN), shutdown.signal);
    await server.received(1);
    shutdown.abort();
    expect(await outcome).toMatchObject({ kind: 'retry', code: 'push.stopped' });
  });

  it('reads 16 KiB of an answer at most', async () => {
    let ended: Promise<void> | undefined;
    let written = 0;
    server.script = [
      ({ response }): void => {
        response.writeHead(400, { 'content-type': 'application/json' });
        const more = (): void => {
          while (!response.stream.destroyed && response.write('x'.repeat(16_384))) written += 16_384;
        };
        response.on('drain', more);
        ended = new Promise((resolve) => response.stream.on('close', resolve));
        more();
      },
    ];
    expect(await push()).toMatchObject({ kind: 'retry', code: 'push.apns-400' });
    await ended;
    expect(written).toBeLessThan(4 * 1_048_576);
  });

  it('nobody there, or a certificate of nobody, means try again', async () => {
    const stranger = publisherFor({
      keyId: 'KEY4567890',
      teamId: 'TEAM567890',
      key: { file: files.put('k', signing.pem) },
      url: 'https://127.0.0.1:1',
    });
    expect(await push({}, {}, stranger)).toMatchObject({
      kind: 'retry',
      message: 'APNs cannot be reached: ECONNREFUSED',
    });
    const settings = {
      topic: 'a.b',
      url: server.url,
      keyId: 'KEY4567890',
      teamId: 'TEAM567890',
      key: { file: files.put('k', signing.pem) },
    };
    const untrusting = kept(
      new ApnsPublisher(testConfig(), files.load({ default: { production: { ios: settings } } })),
    );
    expect(await push({}, {}, untrusting)).toMatchObject({
      kind: 'retry',
      code: 'push.unreachable',
      message: expect.stringContaining('CERT'),
    });
  });
});

describe('APNs: devices that are checked when they subscribe', () => {
  it.each([
    ['notificationDetails.deviceId', deviceOf('ios', 'not hexadecimal')],
    ['notificationDetails.properties.apple.badge', deviceOf('ios', TOKEN, { properties: { 'apple.badge': 'many' } })],
    [
      'notificationDetails.properties.apple.alertMessage.loc-args',
      deviceOf('ios', TOKEN, { properties: { 'apple.alertMessage.loc-args': '[1' } }),
    ],
    ['providerName', deviceOf('ios', TOKEN, { providerName: 'other' })],
    ['providerName', deviceOf('ios', TOKEN, { debug: true })],
  ])('%s is named', (field, device) => {
    expect(() => publisher.check(device)).toThrow(
      expect.objectContaining({ status: 400, details: [expect.objectContaining({ field })] }),
    );
  });

  it('a good one passes; what fails together is the app at its service', () => {
    expect(() => publisher.check(deviceOf('ios', TOKEN))).not.toThrow();
    expect(publisher.destinationOf(deviceOf('ios', TOKEN))).toBe('apns:default:production');
  });

  it('settings that are gone later mean try again: nothing is lost', async () => {
    const device = deviceOf('ios', TOKEN, { debug: true });
    const outcome = await publisher.publish(MESSAGE, device, never);
    expect(outcome).toMatchObject({
      kind: 'retry',
      code: 'push.provider-missing',
      message: expect.stringContaining('default.debug.ios'),
    });
  });
});
