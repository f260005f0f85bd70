import { CONFIG } from '../../src/config/config.js';
import { startGateway } from '../helpers/gateway.js';
import { PushStage, until } from './push-stage.js';

describe.each(['sqlite', 'postgres'] as const)('push subscriptions (%s)', (kind) => {
  let stage: PushStage;
  let run = 0;
  /** A subscriber and a part of tags that no other test uses. */
  let own: string;

  beforeAll(async () => {
    stage = await PushStage.start({ PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER: '5', PUSH_DEFAULT_EXPIRE_S: '2' }, kind);
  });
  afterAll(() => stage.stop());
  beforeEach(() => {
    own = `s${++run}`;
  });

  const listed = async (query: string) =>
    (await stage.stage.ask(`/ops/push/subscriptions?${query}`, { as: 'admin' })).body;

  it('one is ended by its id, once', async () => {
    const id = await stage.subscribed(`${own}.*`, { subscriberId: own, expire: 60 });
    const other = await stage.subscribed(`${own}.*`, { subscriberId: own, expire: 60 });
    expect(await stage.delete(`/subscription/${id}`)).toMatchObject({ status: 200, body: {} });
    expect((await stage.delete(`/subscription/${id}`)).status).toBe(404);
    expect((await stage.published(`${own}.a`)).matched).toBe(1);
    expect((await listed(`subscriberId=${own}`)).items.map((each: { id: string }) => each.id)).toEqual([other]);
  });

  it('all of a subscriber are ended together, and nobody else’s', async () => {
    const subscriberId = `${own}/ä %&`;
    for (let i = 0; i < 5; i++) await stage.subscribed(`${own}.*`, { subscriberId, expire: 60 });
    await stage.subscribed(`${own}.*`, { subscriberId: `${own}-other`, expire: 60 });
    const path = `/subscription/subscriber/${encodeURIComponent(subscriberId)}`;
    expect((await stage.delete(path)).status).toBe(200);
    expect(await stage.delete(path)).toMatchObject({ status: 404, body: { message: 'Subscriber ID not found' } });
    expect((await stage.published(`${own}.a`)).matched).toBe(1);
  });

  it('a subscriber’s id may be as long as it can be stored', async () => {
    const subscriberId = '/'.repeat(256);
    await stage.subscribed(`${own}.*`, { subscriberId, expire: 60 });
    const { status } = await stage.delete(`/subscription/subscriber/${encodeURIComponent(subscriberId)}`);
    expect(status).toBe(200);
  });

  it('a subscriber has at most PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER, whoever asks at once', async () => {
    const but = { subscriberId: own, expire: 60 };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => stage.post('/subscription', stage.subscription(`${own}.*`, but))),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(7);
    expect(refused[0]?.body).toMatchObject({
      code: 'push.too-many-subscriptions',
      message: expect.stringContaining('5 active subscriptions, the limit (PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER)'),
    });
    const one = answers.find(({ status }) => status === 200)?.body.id as string;
    await stage.delete(`/subscription/${one}`);
    await stage.subscribed(`${own}.*`, but);
    expect((await stage.published(`${own}.a`)).matched).toBe(5);
  });

  it('nothing is pushed after the end of its time, which is PUSH_DEFAULT_EXPIRE_S unless it names another', async () => {
    const id = await stage.subscribed(`${own}.*`, { subscriberId: own });
    const long = await stage.subscribed(`${own}.*`, { subscriberId: own, expire: 30 });
    const { items } = await listed(`subscriberId=${own}`);
    const lives = new Map<string, number>(
      items.map((each: { id: string; createdAt: string; expiresAt: string }) => [
        each.id,
        Date.parse(each.expiresAt) - Date.parse(each.createdAt),
      ]),
    );
    expect(lives).toEqual(
      new Map([
        [id, 2_000],
        [long, 30_000],
      ]),
    );
    expect((await stage.published(`${own}.a`)).matched).toBe(2);
    await until(async () => (await stage.published(`${own}.a`)).matched === 1);
    expect(Date.now()).toBeGreaterThanOrEqual(
      Date.parse(items.find((each: { id: string }) => each.id === id).expiresAt),
    );
    expect((await stage.delete(`/subscription/${id}`)).status).toBe(404);
    expect((await listed(`subscriberId=${own}`)).items).toHaveLength(1);
    // Marked by and by, and then forgotten.
    await until(async () => {
      const row = await stage.database.db
        .selectFrom('push_subscriptions')
        .select('end_reason')
        .where('id', '=', id)
        .executeTakeFirst();
      return row?.end_reason === 'expired';
    });
  });

  it('what waits for a subscription is cancelled with it', async () => {
    stage.receiver.answer = (_, response) => void response.writeHead(503).end();
    const id = await stage.subscribed(`${own}.*`, { subscriberId: own, expire: 60 }, `/${own}`);
    for (const message of ['1', '2', '3']) await stage.published(`${own}.a`, message);
    await stage.receiver.has(1, `/${own}`);
    await stage.delete(`/subscription/${id}`);
    const rows = await stage.settled(id);
    expect(rows.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    // The first one may have been on its way; what stood behind it was ended at once.
    expect(rows.slice(1).map((row) => row.last_error_code)).toEqual(['push.deleted', 'push.deleted']);
    stage.receiver.answer = (_, response) => response.end();
    const { body } = await stage.stage.ask('/ops/push/ledger', { as: 'admin' });
    expect(body.cancelled).toBeGreaterThanOrEqual(3);
  });

  it('operators see who is subscribed to what, page by page, and no secret', async () => {
    const subscriberId = own;
    const notificationDetails = { type: 'httpcb', deviceId: `${stage.receiver.origin}/secret-path?token=secret` };
    for (let i = 0; i < 3; i++) {
      const but = { subscriberId, expire: 60, authorization: 'secret', notificationDetails };
      await stage.subscribed(`${own}.${i}`, but);
    }
    const first = await listed(`subscriberId=${own}&limit=2`);
    expect(first.items[0]).toEqual({
      id: expect.any(String),
      subscriberId: own,
      filter: `${own}.2`,
      type: 'httpcb',
      device: stage.receiver.origin,
      debug: false,
      providerName: 'default',
      language: null,
      authorization: true,
      createdBy: 'service',
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
    });
    const second = await listed(`subscriberId=${own}&limit=2&cursor=${first.nextCursor}`);
    const filters = [...first.items, ...second.items].map((each: { filter: string }) => each.filter);
    expect(filters.sort()).toEqual([`${own}.0`, `${own}.1`, `${own}.2`]);
    expect(second).not.toHaveProperty('nextCursor');
    expect(JSON.stringify([first, second])).not.toContain('secret');
    expect((await listed('limit=500')).items.length).toBeGreaterThanOrEqual(3);
    const bad = await stage.stage.ask('/ops/push/subscriptions?cursor=x', { as: 'admin' });
    expect(bad).toMatchObject({ status: 400, body: { code: 'cursor.invalid' } });
    expect((await stage.stage.ask('/ops/push/subscriptions', { as: 'publish' })).status).toBe(403);
  });
});

describe('push subscriptions', () => {
  it('survive a restart, with what waits for them', async () => {
    const stage = await PushStage.start();
    const { simulator, gateway } = stage.stage;
    stage.receiver.answer = (_, response) => void response.writeHead(503).end();
    await stage.subscribed('a.*', {}, '/kept');
    await stage.published('a.b', 'kept');
    await stage.receiver.has(1, '/kept');
    const { file } = gateway.app.get<{ storage: { file: string } }>(CONFIG).storage;
    await gateway.stop();
    stage.receiver.received.length = 0;
    stage.receiver.answer = (_, response) => response.end();
    const settings = { PUSH_ALLOWED_HOSTS: '127.0.0.1', RETRY_BASE_MS: '5', RETRY_CAP_MS: '20' };
    const again = await startGateway(simulator, { kind: 'sqlite', file }, settings);
    try {
      const [received] = await stage.receiver.has(1, '/kept');
      expect(received?.body).toBe('kept');
      const published = await again.call('post', '/genesys/1/notification/publish', 'publish').send({ tag: 'a.c' });
      expect(published.body.matched).toBe(1);
    } finally {
      await again.stop();
      await stage.stop();
    }
  });
});
