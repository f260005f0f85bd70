import { randomUUID } from 'node:crypto';
import { PushStage } from './push-stage.js';

const LIMITS = { PUSH_SUBSCRIPTIONS_PER_KEY: '5', PUSH_SUBSCRIPTIONS_MAX: '6' };

describe.each(['sqlite', 'postgres'] as const)('rights and limits of subscriptions (%s)', (kind) => {
  let stage: PushStage;
  beforeEach(async () => {
    stage = await PushStage.start(LIMITS, kind);
  });
  afterEach(() => stage.stop());

  it('a key has at most PUSH_SUBSCRIPTIONS_PER_KEY, whatever subscribers it names and however it asks', async () => {
    const ask = (subscriberId: string) => stage.post('/subscription', stage.subscription('a.*', { subscriberId }));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(`s${i}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.find(({ status }) => status === 429)?.body).toMatchObject({
      code: 'push.too-many-subscriptions',
      message:
        'The key "service" has 5 active subscriptions, the limit (PUSH_SUBSCRIPTIONS_PER_KEY). ' +
        'Delete some, or let them expire sooner.',
    });
    const id = answers.find(({ status }) => status === 200)?.body.id as string;
    expect((await stage.delete(`/subscription/${id}`)).status).toBe(200);
    expect((await ask('s')).status).toBe(200);
  });

  it('the gateway has at most PUSH_SUBSCRIPTIONS_MAX', async () => {
    for (let i = 0; i < 5; i++) await stage.subscribed('a.*', { subscriberId: `s${i}` });
    const other = () => stage.post('/subscription', stage.subscription('a.*'), { as: 'intake' });
    expect((await other()).status).toBe(200);
    expect(await other()).toMatchObject({
      status: 429,
      body: { message: expect.stringContaining('The gateway has 6 active subscriptions') },
    });
  });

  it('only the key that made a subscription ends it, or admin; others find none', async () => {
    const one = await stage.subscribed('a.*', { subscriberId: 'crm' });
    const rest = await Promise.all([1, 2].map(() => stage.subscribed('a.*', { subscriberId: 'crm' })));
    const byId = (as: 'intake' | 'publish' | 'admin', id = one) => stage.delete(`/subscription/${id}`, { as });
    const all = (as: 'intake' | 'publish' | 'admin') => stage.delete('/subscription/subscriber/crm', { as });
    const [foreign, unknown] = [await byId('intake'), await byId('intake', randomUUID())];
    expect([foreign.status, foreign.text]).toEqual([404, unknown.text]);
    expect(await all('intake')).toMatchObject({ status: 404, body: { message: 'Subscriber ID not found' } });
    expect((await stage.published('a.b')).matched).toBe(3);
    expect((await byId('admin')).status).toBe(200);
    const foreigner = await stage.post('/subscription', stage.subscription('a.*', { subscriberId: 'crm' }), {
      as: 'intake',
    });
    expect((await all('publish')).status).toBe(200);
    expect((await byId('publish', rest[0])).status).toBe(404);
    expect((await stage.published('a.b')).matched).toBe(1);
    expect((await all('admin')).status).toBe(200);
    expect((await byId('intake', foreigner.body.id as string)).status).toBe(404);
  });

  it('own events go to subscriptions of the roles publish and admin only', async () => {
    const intake = { as: 'intake' } as const;
    for (const filter of ['genesys.*', 'genesys.gap', 'genesys.conversation.a.acw']) {
      expect(await stage.post('/subscription', stage.subscription(filter), intake)).toMatchObject({
        status: 403,
        body: { code: 'push.own-events-forbidden', message: expect.stringContaining('the key "bofe" has neither') },
      });
    }
    const everything = await stage.post('/subscription', stage.subscription('*', {}, '/intake'), intake);
    expect(everything.status).toBe(200);
    await stage.subscribed('*', {}, '/publish');
    const conversationId = randomUUID();
    const body = { conversationId, customerId: 'C-1' };
    expect((await stage.stage.post('/customers/supportInteraction', body)).status).toBe(202);
    await stage.receiver.has(1, '/publish');
    await stage.published('a.b', 'for all');
    const heard = await stage.receiver.has(1, '/intake');
    expect(heard.map((each) => each.body)).toEqual(['for all']);
    expect(await stage.deliveries(everything.body.id as string)).toHaveLength(1);
  });

  it('nobody publishes on the tags of own events, with or without a device', async () => {
    const id = await stage.subscribed('genesys.*');
    const device = { notificationDetails: { type: 'httpcb', deviceId: `${stage.receiver.origin}/device` } };
    for (const more of [{}, device]) {
      for (const tag of ['genesys.gap', 'genesys.conversation.a.delivered', 'genesys.anything']) {
        const answer = await stage.post('/publish', { tag, message: '{}', ...more });
        expect(answer).toMatchObject({
          status: 400,
          body: {
            code: 'push.tag-reserved',
            message: expect.stringContaining(`tag: ${tag} begins with genesys.`),
            exception: expect.stringContaining('InvalidRequestException'),
            details: [{ field: 'tag' }],
          },
        });
      }
    }
    for (const tag of ['genesys', 'genesysx.gap', 'Genesys.gap', 'ors.genesys.gap']) await stage.published(tag);
    expect(await stage.deliveries(id)).toEqual([]);
    expect(stage.receiver.received).toEqual([]);
  });
});
