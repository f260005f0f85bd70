import { CometSessions } from '../../src/push/comet/comet-sessions.service.js';
import { KEYS } from '../helpers/environment.js';
import { pemPair, ProviderFiles } from '../helpers/provider-files.js';
import { PushServiceServer } from '../helpers/push-service.js';
import { TestClient } from './comet-rig.js';
import { PushStage, until } from './push-stage.js';
import { Receiver } from './receiver.js';

const TOKEN = 'ab12'.repeat(16);
const ALL_TYPES = 'comet,httpcb,customhttp,orscb,ios,android,gcm,fcm,wns';

describe('the push types, from the request to the device', () => {
  let stage: PushStage;
  let files: ProviderFiles;
  let apple: PushServiceServer;
  let debugReceiver: Receiver;
  let url: string;

  beforeAll(async () => {
    files = new ProviderFiles();
    apple = await PushServiceServer.start();
    debugReceiver = await Receiver.start();
    const receiver = await Receiver.start();
    const ios = {
      topic: 'com.example.app',
      url: apple.url,
      caFile: files.caFile,
      keyId: 'KEY4567890',
      teamId: 'TEAM567890',
      key: { file: files.put('key.p8', pemPair('ec').pem) },
    };
    const section = (origin: string) => ({ customhttp: { url: `${origin}/custom` }, orscb: { url: origin } });
    const providers = {
      default: { production: { ios, ...section(receiver.origin) }, debug: section(debugReceiver.origin) },
    };
    const PUSH_PROVIDERS_FILE = files.put('providers.json', JSON.stringify(providers));
    stage = await PushStage.start({ PUSH_ENABLED: ALL_TYPES, PUSH_PROVIDERS_FILE }, 'sqlite', receiver);
    ({ url } = stage.stage.gateway);
  });
  afterAll(async () => {
    await stage.stop();
    await debugReceiver.stop();
    await apple.stop();
    files.remove();
  });

  const details = (type: string, more: object) => ({ notificationDetails: { type, ...more } });

  it('customhttp: device and message, with the authorization of the subscription', async () => {
    const but = { authorization: 'ZGVtbzo=', ...details('customhttp', { deviceId: 'my-phone' }) };
    await stage.subscribed('custom.*', but);
    await stage.published('custom.a', 'hello');
    const [received] = await stage.receiver.has(1, '/custom');
    expect(JSON.parse(received?.body ?? '')).toEqual({ deviceId: 'my-phone', message: 'hello' });
    expect(received?.headers.authorization).toBe('Basic ZGVtbzo=');
  });

  it.each([
    ['debug', true, { properties: { debug: 'true' } }],
    ['debug', true, { properties: { debug: 'debug' } }],
    ['debug', true, { properties: { debug: true } }],
    ['debug', true, { debug: 'true' }],
    ['production', false, { properties: { debug: 'false' } }],
    ['production', false, { debug: false }],
    ['production', false, {}],
  ])('goes by the %s settings of the provider (debug: %s) with %j', async (_, isDebug, more) => {
    const target = isDebug ? debugReceiver : stage.receiver;
    target.received.length = 0;
    const event = { tag: 'any', message: 'm', ...details('customhttp', { deviceId: 'd', ...more }) };
    expect((await stage.post('/publish', event)).status).toBe(200);
    expect(await target.has(1, '/custom')).toHaveLength(1);
  });

  it('orscb: an event to the session of the Orchestration Server', async () => {
    await stage.subscribed('ors.*', details('orscb', { deviceId: 'SESSION01' }));
    await stage.published('ors.contact.12345678', 'available');
    expect(await stage.receiver.has(1, '/scxml/session/SESSION01/')).toHaveLength(1);
  });

  it('ios: the document’s example, to a given device and to a subscription', async () => {
    const properties = {
      'apple.alertMessage.body': 'Agent is available.',
      'apple.badge': 9,
      'apple.sound': 'bingbong.aiff',
    };
    const event = { message: 'Agent availability', tag: 'gms.notification.agentstatus', mediaType: 'STRING' };
    const headers = {
      gms_user: '4f295ba0c0f0a7f1e5ef068bf1d0732e0e70fda7c443081bb3cc5698fa',
      'cache-control': 'no-cache',
    };
    const given = { ...event, ...details('ios', { deviceId: TOKEN, properties }) };
    expect((await stage.post('/publish', given, { headers })).status).toBe(200);
    const id = await stage.subscribed('gms.notification.*', details('ios', { deviceId: TOKEN, properties }));
    await stage.post('/publish', event, { headers });
    expect(await stage.settled(id)).toMatchObject([{ state: 'delivered' }]);
    expect(apple.seen).toHaveLength(2);
    for (const { body } of apple.seen) {
      expect(JSON.parse(body)).toMatchObject({
        aps: { alert: { body: 'Agent is available.' }, badge: 9, sound: 'bingbong.aiff' },
        message: 'Agent availability',
      });
    }
  });

  it.each(['android', 'gcm', 'fcm', 'wns'])(
    '400 for %s without its provider settings, which are named',
    async (type) => {
      const subscription = stage.subscription('a.*', details(type, { deviceId: 'x' }));
      const answer = await stage.post('/subscription', subscription);
      expect(answer).toMatchObject({ status: 400, body: { code: 'push.device-invalid' } });
    },
  );

  it('400 for a provider that is not configured', async () => {
    const but = { providerName: 'nobody', ...details('customhttp', { deviceId: 'x' }) };
    const answer = await stage.post('/subscription', stage.subscription('a.*', but));
    expect(answer).toMatchObject({ status: 400, body: { details: [{ field: 'providerName' }] } });
  });

  describe.each(['websocket', 'long-polling'] as const)('comet over %s', (transport) => {
    const user = `user-${transport}`;

    async function connected(): Promise<TestClient> {
      const client = new TestClient(`${url}/genesys/cometd`, transport, { user, key: KEYS.intake });
      expect(await client.handshake()).toMatchObject({ successful: true });
      expect(await client.subscribe()).toMatchObject({ successful: true });
      return client;
    }

    it('reaches the user of the header, and waits for one who is away without using up attempts', async () => {
      const sessions = stage.stage.gateway.app.get(CometSessions, { strict: false });
      const request = { subscriberId: user, filter: `${transport.replace('-', '_')}.*`, ...details('comet', {}) };
      const made = await stage.post('/subscription', request, { headers: { gms_user: user } });
      const tag = request.filter.replace('*', 'a');
      await stage.published(tag, 'while away');
      const first = await connected();
      await until(async () => first.received.length === 1);
      await stage.published(tag, 'while here');
      await until(async () => first.received.length === 2);
      expect(first.received).toMatchObject([
        { tag, message: 'while away', id: expect.any(String) },
        { tag, message: 'while here', id: expect.any(String) },
      ]);
      await first.disconnect();
      await until(async () => !sessions.users().includes(user));
      const rows = await stage.settled(made.body.id);
      expect(rows.map(({ state, attempts }) => ({ state, attempts }))).toEqual([
        { state: 'delivered', attempts: 1 },
        { state: 'delivered', attempts: 1 },
      ]);
    });
  });
});
