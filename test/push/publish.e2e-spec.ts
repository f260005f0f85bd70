import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AS_IT_IS, PushEvents } from '../../src/push/publishing/push-events.js';
import { startGateway } from '../helpers/gateway.js';
import { KEYS } from '../helpers/environment.js';
import { freshTarget } from '../helpers/databases.js';
import { startSimulator } from '../../simulator/index.js';
import { GMS, PushStage, until } from './push-stage.js';
import { Receiver } from './receiver.js';

const SECOND_KEY = 'second-key-0123456789abcdef';
const API_KEYS = [
  `service:publish:${KEYS.publish}`,
  `operator:admin:${KEYS.admin}`,
  `second:publish:${SECOND_KEY}`,
].join(',');
const TEXTS = { default: { ready: 'Agent {0} is ready' }, de: { ready: 'Agent {0} ist bereit' } };

describe.each(['sqlite', 'postgres'] as const)('publishing (%s)', (kind) => {
  let stage: PushStage;
  let folder: string;
  let run = 0;
  /** A part of tags that no other test uses. */
  let own: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-texts-'));
    await writeFile(join(folder, 'texts.json'), JSON.stringify(TEXTS));
    stage = await PushStage.start(
      { PUSH_LOCALIZATION_FILE: join(folder, 'texts.json'), PUSH_RATE_PER_SUBSCRIBER: '1000', API_KEYS },
      kind,
    );
  });
  afterAll(async () => {
    await stage.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    own = `t${++run}`;
    stage.receiver.answer = (_, response) => response.end();
  });

  it('notifies all subscriptions with a matching filter, and no other', async () => {
    const filters = [
      `${own}.*`,
      `${own}.agentavailability.*`,
      `${own}.agentavailability.agent123.*`,
      `${own}.agentavailability.agent123.available`,
      `${own}`,
      `${own}.agent.*`,
      `${own}x.*`,
    ];
    for (const [i, filter] of filters.entries()) await stage.subscribed(filter, {}, `/${own}/${i}`);
    const all = await stage.subscribed('*', { subscriberId: own }, `/${own}/all`);
    const { matched } = await stage.published(`${own}.agentavailability.agent123.available`, 'hello');
    expect(matched).toBe(5);
    const received = await stage.receiver.has(5, `/${own}/`);
    expect(received.map(({ path, body }) => `${path} ${body}`).sort()).toEqual(
      ['0', '1', '2', '3', 'all'].map((name) => `/${own}/${name} hello`),
    );
    await stage.delete(`/subscription/${all}`);
  });

  it('takes any text as message, and sends an empty one when there is none', async () => {
    const id = await stage.subscribed(`${own}.*`, {}, `/${own}`);
    const messages = ['{"a":[1]}', 'ünïcödé 🎉', 'a\u0000b', ' <xml/>\n', '"', 'x'.repeat(200_000), undefined, ''];
    for (const message of messages) await stage.published(`${own}.a`, message);
    const received = await stage.receiver.has(messages.length, `/${own}`);
    expect(received.map(({ body }) => body)).toEqual(messages.map((message) => message ?? ''));
    expect(await stage.settled(id)).toHaveLength(messages.length);
  });

  it('keeps the events of one tag in order for each subscription', async () => {
    await stage.subscribed(`${own}.*`, {}, `/${own}`);
    let failures = 3;
    stage.receiver.answer = ({ body }, response) => {
      if (body === '2' && failures-- > 0) response.statusCode = 503;
      response.end();
    };
    for (const message of ['1', '2', '3', '4']) await stage.published(`${own}.a`, message);
    const received = await stage.receiver.has(7, `/${own}`);
    expect(received.map(({ body }) => body)).toEqual(['1', '2', '2', '2', '2', '3', '4']);
    const keys = received.filter(({ body }) => body === '2').map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(1);
  });

  it('adds the authorization of the subscription, which is nowhere in the database', async () => {
    const id = await stage.subscribed(`${own}.*`, { authorization: 'Bearer very-secret-value' }, `/${own}`);
    await stage.published(`${own}.a`, 'x');
    const [received] = await stage.receiver.has(1, `/${own}`);
    expect(received?.headers.authorization).toBe('Bearer very-secret-value');
    const row = await stage.database.db
      .selectFrom('push_subscriptions')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(row.authorization).toMatch(/^enc:v1:/);
    expect(JSON.stringify(row)).not.toContain('very-secret-value');
  });

  it('gives an event to the subscriptions of its provider', async () => {
    await stage.subscribed(`${own}.*`, {}, `/${own}/default`);
    await stage.subscribed(`${own}.*`, { providerName: 'default' }, `/${own}/default`);
    await stage.subscribed(`${own}.*`, { providerName: 'shop' }, `/${own}/shop`);
    expect((await stage.published(`${own}.a`, 'd')).matched).toBe(2);
    expect((await stage.published(`${own}.a`, 'D', { providerName: 'default' })).matched).toBe(2);
    expect((await stage.published(`${own}.a`, 's', { providerName: 'shop' })).matched).toBe(1);
    expect((await stage.published(`${own}.a`, 'o', { providerName: 'other' })).matched).toBe(0);
    expect((await stage.receiver.has(1, `/${own}/shop`)).map(({ body }) => body)).toEqual(['s']);
  });

  it('puts localised messages into the language of the subscription, and leaves them without one', async () => {
    await stage.subscribed(`${own}.*`, { language: 'de-AT' }, `/${own}/de`);
    await stage.subscribed(`${own}.*`, { language: 'fr' }, `/${own}/fr`);
    await stage.subscribed(`${own}.*`, {}, `/${own}/none`);
    const message = '{"key":"ready","args":["7"]}';
    await stage.published(`${own}.a`, message, { mediaType: 'LOCALIZESTRING' });
    const received = await stage.receiver.has(3, `/${own}`);
    expect(new Map(received.map(({ path, body }) => [path.split('/').at(-1), body]))).toEqual(
      new Map([
        ['de', 'Agent 7 ist bereit'],
        ['fr', 'Agent 7 is ready'],
        ['none', message],
      ]),
    );
  });

  it('tries again what was not answered by 200, and gives up what is refused', async () => {
    const flaky = await stage.subscribed(`${own}.*`, {}, `/${own}/flaky`);
    const refusing = await stage.subscribed(`${own}.*`, {}, `/${own}/refusing`);
    let failures = 2;
    stage.receiver.answer = ({ path }, response) => {
      if (path.endsWith('/refusing')) response.statusCode = 400;
      else if (failures-- > 0) response.statusCode = failures === 0 ? 201 : 500;
      response.end();
    };
    await stage.published(`${own}.a`, 'x');
    expect(await stage.settled(flaky)).toMatchObject([{ state: 'delivered', attempts: 3 }]);
    expect(await stage.settled(refusing)).toMatchObject([{ state: 'dead', attempts: 1, last_status: 400 }]);
  });

  it('ends the subscription of a device that is gone, and cancels what waits for it', async () => {
    const id = await stage.subscribed(`${own}.*`, { subscriberId: own }, `/${own}`);
    let release = (): void => undefined;
    stage.receiver.answer = (_, response) => {
      response.statusCode = 410;
      release = () => response.end();
    };
    await stage.published(`${own}.a`, '1');
    await stage.receiver.has(1, `/${own}`);
    await stage.published(`${own}.a`, '2');
    release();
    expect(await stage.settled(id)).toMatchObject([
      { state: 'cancelled', last_error_code: 'push.device-gone', last_status: 410 },
      { state: 'cancelled', last_error_code: 'push.device-gone', last_status: null },
    ]);
    expect((await stage.published(`${own}.a`, '3')).matched).toBe(0);
    expect((await stage.delete(`/subscription/${id}`)).body.message).toBe('Subscription ID not found');
    expect(await stage.receiver.has(1, `/${own}`)).toHaveLength(1);
  });

  it('slows nobody down by a callback that does not answer', async () => {
    const slow = await Receiver.start();
    slow.answer = () => undefined;
    const to = (origin: string) => ({ notificationDetails: { type: 'httpcb', deviceId: `${origin}/${own}` } });
    for (let i = 0; i < 30; i++) await stage.subscribed(`${own}.*`, { ...to(slow.origin), subscriberId: 'slow' });
    await stage.subscribed(`${own}.*`, { ...to(stage.receiver.origin), subscriberId: 'quick' });
    for (const message of ['1', '2', '3']) await stage.published(`${own}.a`, message);
    const received = await stage.receiver.has(3, `/${own}`);
    expect(received.map(({ body }) => body)).toEqual(['1', '2', '3']);
    await stage.delete('/subscription/subscriber/slow');
    await slow.stop();
  });

  describe('Idempotency-Key', () => {
    const keyed = (body: object, key: string) => stage.post('/publish', body, { headers: { 'idempotency-key': key } });

    it('the same key and event: the same answer, and one push', async () => {
      const id = await stage.subscribed(`${own}.*`, {}, `/${own}`);
      const first = await keyed({ tag: `${own}.a`, message: 'm', mediaType: 'string' }, own);
      await stage.subscribed(`${own}.*`, { subscriberId: 'later' }, `/${own}`);
      const again = await keyed({ mediaType: 'STRING', message: 'm', tag: `${own}.a` }, own);
      expect(again).toMatchObject({ status: 200, body: first.body });
      const together = await Promise.all(Array.from({ length: 8 }, () => keyed({ tag: `${own}.b` }, `${own}-8`)));
      expect(new Set(together.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(await stage.settled(id)).toHaveLength(2);
    });

    it('another event: 422', async () => {
      await keyed({ tag: `${own}.a`, message: 'm' }, own);
      for (const other of [{ tag: `${own}.b`, message: 'm' }, { tag: `${own}.a` }, { tag: `${own}.a`, message: 'M' }]) {
        expect(await keyed(other, own)).toMatchObject({
          status: 422,
          body: { code: 'push.idempotency-mismatch', exception: `${GMS}.InvalidRequestException` },
        });
      }
      const both = await Promise.all([keyed({ tag: 'a' }, `${own}-2`), keyed({ tag: 'b' }, `${own}-2`)]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 422]);
    });

    it('is each caller’s own', async () => {
      const id = await stage.subscribed(`${own}.*`, {}, `/${own}`);
      const first = await keyed({ tag: `${own}.a`, message: '1' }, own);
      const headers = { 'idempotency-key': own, 'x-api-key': SECOND_KEY };
      const second = await stage.post('/publish', { tag: `${own}.a`, message: '2' }, { headers, as: 'nobody' });
      expect([first.status, second.status]).toEqual([200, 200]);
      expect(second.body.id).not.toBe(first.body.id);
      await stage.receiver.has(2, `/${own}`);
      expect(await stage.settled(id)).toHaveLength(2);
    });

    it('a direct publication: once when it worked, again when it failed, 409 while it is under way', async () => {
      const event = {
        tag: 'x',
        message: own,
        notificationDetails: { type: 'httpcb', deviceId: `${stage.receiver.origin}/${own}` },
      };
      stage.receiver.answer = (_, response) => void response.writeHead(500).end();
      expect((await keyed(event, own)).status).toBe(503);
      let release = (): void => undefined;
      stage.receiver.answer = (_, response) => {
        release = () => response.end();
      };
      const under = keyed(event, own);
      await stage.receiver.has(2, `/${own}`);
      expect(await keyed(event, own)).toMatchObject({ status: 409, body: { code: 'push.under-way' } });
      release();
      const { status, body } = await under;
      expect(status).toBe(200);
      expect(await keyed(event, own)).toMatchObject({ status: 200, body });
      expect((await keyed({ ...event, message: 'other' }, own)).status).toBe(422);
      const received = await stage.receiver.has(2, `/${own}`);
      expect(received).toHaveLength(2);
      expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    });
  });

  describe('to a given device', () => {
    const direct = (path: string, more: object = {}) =>
      stage.post('/publish', {
        tag: `${own}.a`,
        message: 'direct',
        notificationDetails: { type: 'httpcb', deviceId: `${stage.receiver.origin}${path}`, ...more },
      });

    it('goes there and to no subscription; 200 when it arrived', async () => {
      await stage.subscribed(`${own}.*`, {}, `/${own}/subscribed`);
      const { status, body } = await direct(`/${own}/given`);
      expect({ status, body }).toEqual({ status: 200, body: { id: expect.any(String) } });
      expect((await stage.receiver.has(1, `/${own}`)).map(({ path }) => path)).toEqual([`/${own}/given`]);
    });

    it('takes the spelling of the original document', async () => {
      const { status } = await stage.post('/publish', {
        tag: 'a',
        notificationDetails: { type: 'httpcb', devideId: `${stage.receiver.origin}/${own}` },
      });
      expect(status).toBe(200);
      expect(await stage.receiver.has(1, `/${own}`)).toHaveLength(1);
    });

    it.each([500, 201, 400, 410])('503 with the reason when the callback answers %s', async (answered) => {
      stage.receiver.answer = (_, response) => void response.writeHead(answered).end('inner secret');
      const { status, body, text, headers } = await direct(`/${own}`);
      expect({ status, body }).toMatchObject({
        status: 503,
        body: {
          code: 'push.failed',
          exception: `${GMS}.ServiceUnavailableException`,
          details: [
            { field: 'notificationDetails', message: expect.any(String), reason: expect.any(String), status: answered },
          ],
        },
      });
      expect(headers.get('retry-after')).toBeTruthy();
      expect(text).not.toContain('inner secret');
    });

    it('503 when nobody listens there', async () => {
      const gone = await Receiver.start();
      const { origin } = gone;
      await gone.stop();
      const answer = await direct('/', { deviceId: `${origin}/` });
      expect(answer).toMatchObject({ status: 503, body: { code: 'push.failed' } });
    });

    it('a comet user is the one named, or else the gms_user of the request', async () => {
      const event = { tag: 'a', notificationDetails: { type: 'comet' } };
      expect(await stage.post('/publish', event)).toMatchObject({
        status: 400,
        body: { details: [{ field: 'gms_user' }] },
      });
      const absent = await stage.post('/publish', event, { headers: { gms_user: 'nobody-is-here' } });
      expect(absent).toMatchObject({ status: 503, body: { code: 'push.failed' } });
    });

    it('still needs a tag', async () => {
      const { notificationDetails } = { notificationDetails: { type: 'httpcb', deviceId: stage.receiver.origin } };
      expect((await stage.post('/publish', { notificationDetails })).status).toBe(400);
    });
  });

  it('publishes own events with the transaction that brings them about, once each', async () => {
    const events = stage.stage.gateway.app.get(PushEvents, { strict: false });
    const id = await stage.subscribed(`genesys.${own}.*`, { providerName: 'another' }, `/${own}`);
    const event = { id: `${own}-1`, tag: `genesys.${own}.acw`, body: { version: 1 }, orderKey: own };
    const failing = stage.database.transaction(async (trx, afterCommit) => {
      await events.publishIn(trx, [{ ...event, id: `${own}-0` }], AS_IT_IS, afterCommit);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    for (let i = 0; i < 2; i++) {
      await stage.database.transaction((trx, afterCommit) => events.publishIn(trx, [event], AS_IT_IS, afterCommit));
    }
    expect(await stage.settled(id)).toHaveLength(1);
    const received = await stage.receiver.has(1, `/${own}`);
    expect(received.map(({ body }) => body)).toEqual(['{"version":1}']);
  });

  it('counts what it does', async () => {
    const before = await stage.metric('gateway_push_published_total');
    await stage.subscribed(`${own}.*`, {}, `/${own}`);
    await stage.published(`${own}.a`);
    await stage.receiver.has(1, `/${own}`);
    expect(await stage.metric('gateway_push_published_total')).toBe(before + 1);
    expect(await stage.metric('gateway_push_matched_total')).toBeGreaterThan(0);
    await until(async () => (await stage.metric('gateway_push_outcomes_total{type="httpcb",outcome="sent"}')) > 0);
    const { body } = await stage.stage.ask('/health', { as: 'admin' });
    expect(body.details.push).toMatchObject({
      status: 'up',
      subscriptions: expect.any(Number),
      backlog: expect.any(Number),
    });
    const ledger = (await stage.stage.ask('/ops/push/ledger', { as: 'admin' })).body;
    expect(ledger.total).toBe(ledger.pending + ledger.delivered + ledger.dead + ledger.cancelled);
    expect(ledger.delivered).toBeGreaterThan(0);
  });
});

describe('the limits of one subscriber', () => {
  it('what comes faster than the rate waits; nothing is lost', async () => {
    const stage = await PushStage.start({ PUSH_RATE_PER_SUBSCRIBER: '20' });
    try {
      const id = await stage.subscribed('a.*', {}, '/limited');
      await stage.subscribed('b.*', { subscriberId: 'another' }, '/other');
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: 30 }, (_, i) => stage.published(`a.${i}`)));
      await stage.published('b.a');
      await stage.receiver.has(1, '/other');
      await stage.receiver.has(30, '/limited');
      // 20 at once, 10 more at 20 a second.
      expect(performance.now() - startedAt).toBeGreaterThan(450);
      const rows = await stage.settled(id);
      expect(rows.every(({ state, attempts }) => state === 'delivered' && attempts === 1)).toBe(true);
    } finally {
      await stage.stop();
    }
  });
});

describe('two gateways on one database', () => {
  it('a subscription made at one is known to the other at its next event, and its end too', async () => {
    const simulator = await startSimulator();
    const { target, remove } = await freshTarget('postgres');
    const receiver = await Receiver.start();
    const settings = { PUSH_ALLOWED_HOSTS: '127.0.0.1' };
    const [a, b] = [await startGateway(simulator, target, settings), await startGateway(simulator, target, settings)];
    const send = async (url: string, method: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${KEYS.publish}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/genesys/1/notification${path}`, {
        method,
        headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      expect(answer.status).toBe(200);
      return (await answer.json()) as { id: string; matched: number };
    };
    try {
      for (let i = 0; i < 20; i++) {
        const [here, there] = i % 2 === 0 ? [a.url, b.url] : [b.url, a.url];
        const { id } = await send(here, 'POST', '/subscription', {
          subscriberId: 's',
          filter: `x${i}.*`,
          notificationDetails: { type: 'httpcb', deviceId: receiver.origin },
        });
        expect((await send(there, 'POST', '/publish', { tag: `x${i}.a` })).matched).toBe(1);
        await send(there, 'DELETE', `/subscription/${id}`);
        expect((await send(here, 'POST', '/publish', { tag: `x${i}.a` })).matched).toBe(0);
      }
    } finally {
      await Promise.all([a.stop(), b.stop()]);
      await receiver.stop();
      await simulator.stop();
      await remove();
    }
  });
});
