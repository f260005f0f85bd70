import { FakeFcm, FCM_TOKEN_PATH } from '../helpers/fake-fcm.js';
import { FakeWns, WNS_TOKEN_PATH } from '../helpers/fake-wns.js';
import { pemPair, ProviderFiles } from '../helpers/provider-files.js';
import { PushServiceServer } from '../helpers/push-service.js';
import type { Seen } from '../helpers/push-service.js';
import type { Answer } from '../helpers/tables-stage.js';
import { PushStage } from './push-stage.js';

describe.each(['sqlite', 'postgres'] as const)('pushes that are given up (%s)', (kind) => {
  let stage: PushStage;
  beforeAll(async () => {
    stage = await PushStage.start({}, kind);
  });
  afterAll(() => stage.stop());

  const letters = (query = ''): Promise<Answer> => stage.stage.ask(`/ops/dead-letters${query}`, { as: 'admin' });
  const replay = (path: string, body: unknown): Promise<Answer> => stage.stage.post(path, body, { as: 'admin' });

  it('are dead letters beside the records, and are sent again under the same key', async () => {
    stage.receiver.answer = (_, response) => response.writeHead(422).end();
    const subscription = await stage.subscribed('dead.letters');
    await stage.published('dead.letters', 'one');
    const [row] = await stage.settled(subscription);
    expect(await letters()).toMatchObject({
      status: 200,
      body: {
        items: [{ recordId: row?.id, sink: 'push', subscriptionId: subscription, state: 'dead', lastStatus: 422 }],
      },
    });
    expect((await letters('?sink=history')).body).toEqual({ items: [] });
    expect((await letters('?sink=push')).body.items).toHaveLength(1);
    stage.receiver.answer = (_, response) => response.end();
    expect((await replay(`/ops/dead-letters/${row?.id}/replay`, undefined)).status).toBe(202);
    await stage.receiver.has(2);
    expect(new Set(stage.receiver.received.map(({ headers }) => headers['idempotency-key']))).toEqual(
      new Set([row?.id]),
    );
    expect((await stage.settled(subscription)).map(({ state }) => state)).toEqual(['delivered']);
  });

  it('are told apart from records when many are sent again', async () => {
    expect((await replay('/ops/dead-letters/replay', { filter: { sink: 'push' }, dryRun: true })).body).toMatchObject({
      count: 0,
    });
    expect(await letters('?sink=email')).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  });
});

describe.each(['sqlite', 'postgres'] as const)('pushes to phones that are given up (%s)', (kind) => {
  let stage: PushStage;
  let files: ProviderFiles;
  let services: Record<'fcm' | 'ios' | 'wns', PushServiceServer>;

  beforeAll(async () => {
    files = new ProviderFiles();
    const [fcm, ios, wns] = await Promise.all([
      PushServiceServer.start(),
      PushServiceServer.start(),
      PushServiceServer.start({ http1: true }),
    ]);
    services = { fcm, ios, wns };
    const [google, microsoft] = [new FakeFcm(), new FakeWns()];
    google.send = microsoft.send = ios.otherwise = refusal;
    fcm.otherwise = google.answer;
    wns.otherwise = microsoft.answer;
    const PUSH_PROVIDERS_FILE = files.put('providers.json', JSON.stringify(providers()));
    stage = await PushStage.start({ PUSH_ENABLED: 'httpcb,fcm,ios,wns', PUSH_PROVIDERS_FILE }, kind);
  });
  afterAll(async () => {
    await stage.stop();
    await Promise.all(Object.values(services).map((server) => server.stop()));
    files.remove();
  });

  /** Refuses, and repeats all that it was told. */
  function refusal({ headers, path, body }: Seen) {
    return {
      status: 400,
      body: { code: 'E-77', reason: 'TopicDisallowed', error: { status: 'BAD', headers, path, body } },
    };
  }

  function providers(): object {
    const { caFile } = files;
    const account = {
      type: 'service_account',
      project_id: 'my-project',
      client_email: 'push@my-project.example',
      private_key: pemPair('rsa').pem,
    };
    const { fcm, ios, wns } = services;
    const production = {
      fcm: {
        serviceAccount: { file: files.put('account.json', JSON.stringify(account)) },
        url: fcm.url,
        tokenUrl: `${fcm.url}${FCM_TOKEN_PATH}`,
        caFile,
      },
      ios: {
        topic: 'com.example.app',
        keyId: 'KEY4567890',
        teamId: 'TEAM567890',
        key: { file: files.put('key.p8', pemPair('ec').pem) },
        url: ios.url,
        caFile,
      },
      wns: {
        clientId: 'ms-app://s-1',
        clientSecret: { file: files.put('wns.secret', 'very secret') },
        tokenUrl: `${wns.url}${WNS_TOKEN_PATH}`,
        channelHosts: ['127.0.0.1'],
        caFile,
      },
    };
    return { default: { production } };
  }

  const devices = {
    fcm: () => 'c0:APA91b_hush-device',
    ios: () => 'ab12'.repeat(16),
    wns: () => `${services.wns.url}/w/hush?token=HushDevice%3d`,
  };

  it.each(['fcm', 'ios', 'wns'] as const)(
    '%s: show what the service said, and neither device nor token',
    async (type) => {
      const deviceId = devices[type]();
      const tag = `phones.${type}`;
      const subscription = await stage.subscribed(tag, { notificationDetails: { type, deviceId } });
      await stage.published(tag, 'message-secret');
      const [row] = await stage.settled(subscription);
      expect(row).toMatchObject({ state: 'dead', last_status: 400 });
      const bearer = String(services[type].seen.at(-1)?.headers['authorization']).split(' ')[1] ?? '';
      expect(bearer).not.toBe('');
      const ask = (as: 'viewer' | 'admin') => stage.stage.ask(`/ops/dead-letters/${row?.id}`, { as });
      const clear = await ask('admin');
      const answer = clear.body.answer as string;
      expect(answer).toMatch(/^{"code":"E-77","reason":"TopicDisallowed","error":{"status":"BAD",/);
      expect(answer).toContain('message-secret');
      const masked = await ask('viewer');
      expect(masked.body.answer).toMatch(/^{"code":"E-77","reason":"\*\*\*","error":{"status":"BAD",/);
      expect(masked.text).not.toContain('secret');
      for (const { text } of [clear, masked]) {
        for (const secret of [bearer, deviceId, 'hush', 'Hush', 'ab12ab12']) expect(text).not.toContain(secret);
      }
    },
  );
});
