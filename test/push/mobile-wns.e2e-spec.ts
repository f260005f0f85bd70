import { testConfig } from '../../src/config/testing/test-config.js';
import { AddressPolicy } from '../../src/push/outbound/address-policy.js';
import type { PushMessage, PushOutcome } from '../../src/push/publishers/publisher.js';
import { WnsPublisher } from '../../src/push/publishers/wns.publisher.js';
import { FakeWns, WNS_TOKEN_PATH } from '../helpers/fake-wns.js';
import { deviceOf, ProviderFiles } from '../helpers/provider-files.js';
import { PushServiceServer } from '../helpers/push-service.js';
import type { Seen } from '../helpers/push-service.js';

const MESSAGE: PushMessage = { id: 'event-1', tag: 'ors.contact.1', text: 'Ann & <Bob>', publishedAt: 1 };
const never = new AbortController().signal;

let server: PushServiceServer;
let microsoft: FakeWns;
let files: ProviderFiles;
let publisher: WnsPublisher;
/** Closed after each test, whatever became of it: an open server would keep jest from ending. */
let made: (() => Promise<void>)[];

function publisherFor(wns: Record<string, unknown> = {}, env: Record<string, string> = {}): WnsPublisher {
  const common = {
    clientId: 'ms-app://s-1',
    clientSecret: { env: 'WNS_SECRET' },
    tokenUrl: `${server.url}${WNS_TOKEN_PATH}`,
    caFile: files.caFile,
  };
  const settings = files.load(
    { default: { production: { wns: { ...common, channelHosts: ['127.0.0.1'], ...wns } } } },
    { WNS_SECRET: 'very secret' },
  );
  const config = testConfig({ PUSH_ALLOWED_HOSTS: '127.0.0.1', ...env });
  const one = new WnsPublisher(config, settings, new AddressPolicy(config));
  made.push(async () => one.close());
  return one;
}

async function push(properties = {}, by = publisher, text = MESSAGE.text): Promise<PushOutcome> {
  return by.publish({ ...MESSAGE, text }, deviceOf('wns', `${server.url}/w/?token=AbC%3d`, { properties }), never);
}

function sends(): Seen[] {
  return server.seen.filter(({ path }) => path !== WNS_TOKEN_PATH);
}

beforeEach(async () => {
  files = new ProviderFiles();
  made = [];
  server = await PushServiceServer.start({ http1: true });
  made.push(async () => server.stop());
  microsoft = new FakeWns();
  server.otherwise = microsoft.answer;
  publisher = publisherFor();
});

afterEach(async () => {
  await Promise.all(made.map(async (close) => close()));
  files.remove();
});

describe('WNS: what is sent', () => {
  it('asks for a token by the client’s credentials, and sends a toast to the channel', async () => {
    expect(await push()).toEqual({ kind: 'sent', status: 200 });
    expect(Object.fromEntries(new URLSearchParams(server.seen[0]!.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'ms-app://s-1',
      client_secret: 'very secret',
      scope: 'notify.windows.com',
    });
    expect(sends()).toMatchObject([
      {
        path: '/w/?token=AbC%3d',
        headers: { authorization: 'Bearer wns-1', 'x-wns-type': 'wns/toast', 'content-type': 'text/xml' },
        body: '<toast><visual><binding template="ToastGeneric"><text>Ann &amp; &lt;Bob&gt;</text></binding></visual></toast>',
      },
    ]);
  });

  it.each([
    [
      { 'wns.title': 'A"', 'wns.launch': 'x="1"' },
      'wns/toast',
      '<toast launch="x=&quot;1&quot;"><visual><binding template="ToastGeneric"><text>A&quot;</text><text>Hi\u{1F600}</text></binding></visual></toast>',
    ],
    [
      { 'wns.type': 'tile' },
      'wns/tile',
      '<tile><visual><binding template="TileMedium"><text>Hi\u{1F600}</text></binding></visual></tile>',
    ],
    [{ 'wns.type': 'wns/raw' }, 'wns/raw', 'Hi\u0000\u{1F600}'],
    [{ 'wns.type': 'badge', 'wns.badge': 7 }, 'wns/badge', '<badge value="7"/>'],
  ])('%j: %s', async (properties, type, body) => {
    await push(properties, publisher, 'Hi\u0000\u{1F600}');
    expect(sends()[0]).toMatchObject({ body, headers: { 'x-wns-type': type } });
  });

  it('is refused when it is larger than 5,000 bytes, or a badge of no number', async () => {
    expect(await push({}, publisher, 'x'.repeat(5_000))).toMatchObject({ kind: 'refused', code: 'push.too-large' });
    expect(await push({ 'wns.type': 'badge' })).toMatchObject({ kind: 'refused', code: 'push.device-invalid' });
    expect(server.seen).toHaveLength(0);
  });
});

describe('WNS: what an answer means', () => {
  it.each([
    [404, 'gone'],
    [410, 'gone'],
    [400, 'refused'],
    [403, 'refused'],
    [413, 'refused'],
    [406, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
    [302, 'retry'],
  ])('%d: %s', async (status, kind) => {
    microsoft.send = () => ({ status, headers: { location: '/elsewhere' } });
    expect(await push()).toEqual({
      kind,
      status,
      code: `push.wns-${String(status)}`,
      message: `WNS answered ${String(status)}`,
    });
    expect(sends()).toHaveLength(1);
  });

  it.each(['dropped', 'channelThrottled'])('200 and %s: try again', async (became) => {
    microsoft.send = () => ({ status: 200, headers: { 'X-WNS-NotificationStatus': became, 'Retry-After': '3' } });
    expect(await push()).toMatchObject({
      kind: 'retry',
      code: `push.wns-${became.toLowerCase()}`,
      retryAfterMs: 3_000,
    });
  });

  it('is kept without the channel’s URI, its path and its token, and without the access token', async () => {
    microsoft.send = ({ path, headers }) => {
      const [, bearer] = String(headers.authorization).split(' ');
      return { status: 403, body: `<p>${server.url}${path} and ${path} and AbC%3d and AbC= by ${bearer}</p>` };
    };
    expect(await push()).toMatchObject({ kind: 'refused', answer: '<p>*** and *** and *** and *** by ***</p>' });
    microsoft.send = () => ({ status: 200, headers: { 'X-WNS-NotificationStatus': 'dropped' }, body: 'full' });
    expect(await push()).toMatchObject({ kind: 'retry', code: 'push.wns-dropped', answer: 'full' });
  });

  it('a connection that ends before the answer means try again; after the status it does not matter', async () => {
    microsoft.send =
      () =>
      ({ seen }) =>
        seen.socket.destroy();
    expect(await push()).toMatchObject({ kind: 'retry', code: 'push.unreachable' });
    microsoft.send =
      () =>
      ({ response, seen }) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('1234', () => seen.socket.destroy());
      };
    expect(await push()).toEqual({ kind: 'sent', status: 200 });
  });

  it('a slow one means try again', async () => {
    const hasty = publisherFor({}, { PUSH_TIMEOUT_MS: '100' });
    microsoft.send = () => () => undefined;
    expect(await push({}, hasty)).toMatchObject({ kind: 'retry', code: 'push.timeout' });
  });
});

describe('WNS: access tokens', () => {
  it('are renewed once for 50 sends that are rejected together, which then succeed at once', async () => {
    await push();
    microsoft.validFrom = 2;
    const outcomes = await Promise.all(Array.from({ length: 50 }, async () => push()));
    expect(outcomes.every(({ kind }) => kind === 'sent')).toBe(true);
    expect(microsoft.granted).toBe(2);
  });

  it('refused credentials do not show', async () => {
    microsoft.grant = () => ({ status: 401, body: { error: 'invalid_client', error_description: 'very secret' } });
    const outcome = await push();
    expect(outcome).toMatchObject({ kind: 'retry', code: 'push.provider-token', retryAfterMs: 60_000 });
    expect(JSON.stringify(outcome)).not.toContain('very secret');
  });
});

describe('WNS: channels', () => {
  it.each([
    ['https://db5.notify.windows.com/?token=x', ['*.notify.windows.com'], true],
    ['https://db5.notify.windows.com./?token=x', ['*.notify.windows.com'], true],
    ['http://db5.notify.windows.com/?token=x', ['*.notify.windows.com'], false],
    ['https://notify.windows.com.evil.example/', ['*.notify.windows.com'], false],
    ['https://evilnotify.windows.com/', ['*.notify.windows.com'], false],
    ['https://user@db5.notify.windows.com/', ['*.notify.windows.com'], false],
    ['https://example.com/', ['*.notify.windows.com'], false],
    ['https://127.0.0.1/', ['*.notify.windows.com'], false],
    ['https://10.0.0.1/', ['10.0.0.1'], false],
    ['no URL', ['*.notify.windows.com'], false],
  ])('%s with %j: %s', async (channel, channelHosts, good) => {
    const strict = publisherFor({ channelHosts });
    const device = deviceOf('wns', channel);
    const checked = (): void => strict.check(device);
    if (good) expect(checked).not.toThrow();
    else {
      expect(checked).toThrow(
        expect.objectContaining({ details: [expect.objectContaining({ field: 'notificationDetails.deviceId' })] }),
      );
      expect(await strict.publish(MESSAGE, device, never)).toMatchObject({
        kind: 'refused',
        code: 'push.device-invalid',
      });
    }
    expect(server.seen).toHaveLength(0);
  });

  it.each([
    ['notificationDetails.properties.wns.type', { 'wns.type': 'fax' }],
    ['notificationDetails.properties.wns.badge', { 'wns.type': 'badge', 'wns.badge': '"/><x' }],
  ])('%s is named', (field, properties) => {
    const device = deviceOf('wns', `${server.url}/`, { properties });
    expect(() => publisher.check(device)).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ field })] }),
    );
  });
});
