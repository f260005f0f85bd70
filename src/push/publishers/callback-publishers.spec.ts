import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { testConfig } from '../../config/testing/test-config.js';
import { AddressPolicy } from '../outbound/address-policy.js';
import { CallbackClient } from '../outbound/callback-client.js';
import { CallbackSender } from '../outbound/callback-sender.js';
import { FakeNames } from '../outbound/testing/fake-names.js';
import { Receiver } from '../outbound/testing/receiver.js';
import { urlsAt } from '../outbound/testing/ssrf-corpus.js';
import { ProviderSettings } from '../providers/provider-settings.js';
import { SecretBox } from '../secrets/secret-box.js';
import { CustomHttpPublisher } from './customhttp.publisher.js';
import { HttpCallbackPublisher } from './httpcb.publisher.js';
import { OrsCallbackPublisher } from './orscb.publisher.js';
import type { Device, Publisher, PushMessage, PushOutcome } from './publisher.js';

const NEVER = new AbortController().signal;
const SECRET = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
const SESSION = '00D0PJ4RD0DGT1O9P80LAHG5LS000001';
const MESSAGE: PushMessage = {
  id: '0f8fad5b-d9cb-469f-a165-70867728950e',
  tag: 'ors.events.available',
  text: 'Agent é available',
  publishedAt: 1_700_000_000_000,
};

const device = (more: Partial<Device>): Device => ({
  type: 'httpcb',
  deviceId: '',
  properties: {},
  debug: false,
  providerName: 'default',
  ...more,
});

describe('publishers that call back', () => {
  let receiver: Receiver;
  let folder: string;
  let client: CallbackClient;
  let httpcb: Publisher;
  let customhttp: Publisher;
  let orscb: Publisher;

  beforeEach(async () => {
    receiver = await Receiver.listen();
    folder = mkdtempSync(join(tmpdir(), 'callbacks-'));
    start({ PUSH_ALLOWED_HOSTS: '127.0.0.1' });
  });

  afterEach(async () => {
    await client.onApplicationShutdown();
    await receiver.close();
    rmSync(folder, { recursive: true });
  });

  function start(env: Record<string, string>): void {
    const file = join(folder, 'providers.json');
    const customUrl = `${receiver.url}/devices?all=1`;
    const production = {
      customhttp: { url: customUrl, authorization: { env: 'PROVIDER_AUTHORIZATION' } },
      orscb: { url: `${receiver.url}/ors/` },
    };
    writeFileSync(
      file,
      JSON.stringify({ default: { production, debug: { customhttp: { url: `${receiver.url}/debug` } } } }),
    );
    const config = testConfig(env);
    const policy = new AddressPolicy(config);
    client = new CallbackClient(config, policy, new FakeNames());
    const sender = new CallbackSender(config, client);
    const providers = ProviderSettings.load(file, new SecretBox(config), { PROVIDER_AUTHORIZATION: 'Bearer provider' });
    httpcb = new HttpCallbackPublisher(policy, sender);
    customhttp = new CustomHttpPublisher(providers, sender);
    orscb = new OrsCallbackPublisher(providers, sender);
  }

  async function restart(env: Record<string, string>): Promise<void> {
    await client.onApplicationShutdown();
    start(env);
  }

  describe('httpcb', () => {
    const to = (path: string, more: Partial<Device> = {}): Device =>
      device({ deviceId: `${receiver.url}${path}`, ...more });
    const publish = (text = MESSAGE.text, more: Partial<Device> = {}): Promise<PushOutcome> =>
      httpcb.publish({ ...MESSAGE, text }, to('/hook/7?x=1', more), NEVER);

    it('posts the text with the tag, the id and the authorization', async () => {
      expect(await publish(MESSAGE.text, { authorization: 'ZGVtbzo=' })).toEqual({ kind: 'sent', status: 200 });
      expect(receiver.requests).toMatchObject([
        {
          method: 'POST',
          url: '/hook/7?x=1',
          body: MESSAGE.text,
          headers: {
            'content-type': 'text/plain; charset=utf-8',
            'x-genesys-tag': MESSAGE.tag,
            'idempotency-key': MESSAGE.id,
            authorization: 'Basic ZGVtbzo=',
          },
        },
      ]);
      expect(receiver.requests[0]?.headers).not.toHaveProperty('webhook-signature');
    });

    it.each([
      ['{"a":1}', 'application/json'],
      [' [1] ', 'application/json'],
      ['{"a":1', 'text/plain; charset=utf-8'],
      ['"a"', 'text/plain; charset=utf-8'],
      ['1', 'text/plain; charset=utf-8'],
      ['', 'text/plain; charset=utf-8'],
    ])('sends %j as %s', async (text, type) => {
      expect(await publish(text)).toMatchObject({ kind: 'sent' });
      expect(receiver.requests[0]).toMatchObject({ body: text, headers: { 'content-type': type } });
      expect(receiver.requests[0]?.headers).not.toHaveProperty('authorization');
    });

    it('signs when there are secrets', async () => {
      await restart({ PUSH_ALLOWED_HOSTS: '127.0.0.1', PUSH_SIGNING_SECRETS: SECRET });
      await publish('{"a":"é"}');
      const [request] = receiver.requests;
      const headers = request?.headers as Record<string, string>;
      expect(() => new Webhook(SECRET).verify(request?.body ?? '', headers)).not.toThrow();
    });

    it.each([
      [200, { kind: 'sent', status: 200 }],
      [201, { kind: 'retry', code: 'push.http-201' }],
      [204, { kind: 'retry', code: 'push.http-204' }],
      [302, { kind: 'retry', code: 'push.http-302' }],
      [400, { kind: 'refused', code: 'push.http-400' }],
      [401, { kind: 'retry', code: 'push.http-401' }],
      [404, { kind: 'refused', code: 'push.http-404' }],
      [410, { kind: 'gone', code: 'push.http-410', status: 410 }],
      [422, { kind: 'refused', code: 'push.http-422' }],
      [429, { kind: 'retry', code: 'push.http-429', retryAfterMs: 7_000 }],
      [503, { kind: 'retry', code: 'push.http-503', retryAfterMs: 7_000, message: 'the receiver answered 503' }],
    ])('takes %i for what it means', async (status, outcome) => {
      receiver.answer = (response) => void response.writeHead(status, { 'retry-after': '7' }).end();
      expect(await publish()).toMatchObject(outcome);
    });

    it.each([
      ['what follows the scheme', 'Bearer hush/token-77', 'unknown token hush\\/token-77'],
      [
        'user and password',
        'Basic dXNlcjpwNHNzL3cwcmQ=',
        '{"user":"user","password-was":"p4ss\\/w0rd"} user:p4ss/w0rd',
      ],
      ['the bare form of user and password', 'dXNlcjpwNHNzL3cwcmQ=', 'wrong: p4ss%2Fw0rd, dXNlcjpwNHNzL3cwcmQ='],
      ['the URL in HTML', undefined, '<pre>Cannot POST &#x2F;hook&#x2F;7?x=1</pre>'],
    ])('keeps no secret of an answer that echoes %s', async (_, authorization, echo) => {
      receiver.answer = (response) => void response.writeHead(400).end(`refused: ${echo}`);
      const outcome = await publish(MESSAGE.text, authorization === undefined ? {} : { authorization });
      expect(outcome).toMatchObject({ kind: 'refused', answer: expect.stringMatching(/^refused: .*\*\*\*/) });
      expect(JSON.stringify(outcome)).not.toMatch(/hush|token-77|p4ss|w0rd|dXNl|hook/);
    });

    it('groups by origin', () => {
      expect(httpcb.destinationOf(device({ deviceId: ' HTTPS://Example.com:443/a?token=b ' }))).toBe(
        'https://example.com',
      );
      expect(httpcb.destinationOf(to('/a'))).toBe(receiver.url);
    });

    it('refuses at the time of subscribing, and again at that of sending, what callbacks may not call', async () => {
      await restart({});
      for (const deviceId of urlsAt(receiver.port)) {
        const bad = device({ deviceId });
        expect(() => httpcb.check(bad)).toThrow(/^notificationDetails\.deviceId: /);
        const outcome = await httpcb.publish(MESSAGE, bad, NEVER);
        expect(outcome).toMatchObject({ kind: 'refused', code: 'push.device-invalid' });
      }
      expect(receiver.connections).toBe(0);
    });

    it('refuses an authorization that no header can hold', () => {
      expect(() => httpcb.check(to('/', { authorization: 'a\nb' }))).toThrow(/^authorization: /);
      expect(() => httpcb.check(to('/', { authorization: 'Bearer b' }))).not.toThrow();
    });
  });

  describe('customhttp', () => {
    const phone = (more: Partial<Device> = {}): Device => device({ type: 'customhttp', deviceId: 'phone-7', ...more });

    it("posts device and message to the provider's URL", async () => {
      expect(await customhttp.publish(MESSAGE, phone(), NEVER)).toEqual({ kind: 'sent', status: 200 });
      await customhttp.publish(MESSAGE, phone({ debug: true }), NEVER);
      await customhttp.publish(MESSAGE, phone({ authorization: 'ZGVtbzo=' }), NEVER);
      const [first, debug, own] = receiver.requests;
      expect(first).toMatchObject({ url: '/devices?all=1', headers: { authorization: 'Bearer provider' } });
      expect(first?.headers['content-type']).toBe('application/json');
      expect(JSON.parse(first?.body ?? '')).toEqual({ deviceId: 'phone-7', message: MESSAGE.text });
      expect(debug).toMatchObject({ url: '/debug' });
      expect(debug?.headers).not.toHaveProperty('authorization');
      expect(own).toMatchObject({ headers: { authorization: 'Basic ZGVtbzo=' } });
    });

    it('needs a device and settings', async () => {
      const lost = phone({ providerName: 'unknown' });
      expect(() => customhttp.check(phone())).not.toThrow();
      expect(() => customhttp.check(phone({ deviceId: ' ' }))).toThrow(/^notificationDetails\.deviceId: /);
      expect(() => customhttp.check(lost)).toThrow(/^providerName: /);
      expect(await customhttp.publish(MESSAGE, lost, NEVER)).toMatchObject({ kind: 'refused' });
      expect(customhttp.destinationOf(phone())).toBe(receiver.url);
    });

    it("reaches the operator's URL wherever it is", async () => {
      await restart({});
      expect(await customhttp.publish(MESSAGE, phone(), NEVER)).toEqual({ kind: 'sent', status: 200 });
    });
  });

  describe('orscb', () => {
    const session = (deviceId = SESSION): Device => device({ type: 'orscb', deviceId });

    it.each([200, 204])('sends the session an event that has the name of the tag (%i)', async (status) => {
      receiver.answer = (response) => void response.writeHead(status).end();
      expect(await orscb.publish(MESSAGE, session(), NEVER)).toEqual({ kind: 'sent', status });
      const [request] = receiver.requests;
      expect(request).toMatchObject({
        method: 'POST',
        url: `/ors/scxml/session/${SESSION}/event/ors.events.available`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
        message: MESSAGE.text,
        tag: MESSAGE.tag,
        id: MESSAGE.id,
      });
      expect(orscb.destinationOf(session())).toBe(receiver.url);
    });

    it('lets no session id lead anywhere else', async () => {
      for (const id of ['', '..', '.', '../../x', 'a/b', 'a%2fb', 'a?b', 'a#b', 'a b', '\\', 'x'.repeat(129), 'é']) {
        expect(() => orscb.check(session(id))).toThrow(/^notificationDetails\.deviceId: /);
        expect(await orscb.publish(MESSAGE, session(id), NEVER)).toMatchObject({ kind: 'refused' });
      }
      expect(() => orscb.check(session())).not.toThrow();
      expect(receiver.requests).toEqual([]);
    });

    it('needs settings', () => {
      expect(() => orscb.check({ ...session(), debug: true })).toThrow(/^providerName: /);
    });
  });
});
