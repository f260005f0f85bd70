import { API, GMS, PushStage } from './push-stage.js';

const INVALID = `${GMS}.InvalidRequestException`;

describe('the Notification API', () => {
  let stage: PushStage;
  beforeAll(async () => {
    stage = await PushStage.start({ PUSH_ENABLED: 'comet,httpcb' });
  });
  afterAll(() => stage.stop());

  const subscribe = (but: object, headers: Record<string, string> = {}) =>
    stage.post('/subscription', stage.subscription('a.b', but), { headers });
  const details = (but: object) => ({
    notificationDetails: { type: 'httpcb', deviceId: `${stage.receiver.origin}/`, ...but },
  });

  describe('addresses and media types', () => {
    it.each(['1', '2'])('answers 200 and the id under version %s', async (version) => {
      const path = `/genesys/${version}/notification`;
      const made = await stage.stage.post(`${path}/subscription`, stage.subscription('x.*'), { as: 'intake' });
      expect(made).toMatchObject({ status: 200, body: { id: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
      expect(Object.keys(made.body)).toEqual(['id']);
      const published = await stage.stage.post(`${path}/publish`, { tag: 'nobody' }, { as: 'publish' });
      expect(published).toMatchObject({ status: 200, body: { id: expect.any(String), matched: 0 } });
      const ended = await stage.stage.ask(`${path}/subscription/${made.body.id}`, { method: 'DELETE', as: 'intake' });
      expect(ended.status).toBe(200);
    });

    it.each(['0', '3', '01', 'v1', '1.0'])('knows no version %s and says which there are', async (version) => {
      const answer = await stage.stage.post(
        `/genesys/${version}/notification/publish`,
        { tag: 'a' },
        { as: 'publish' },
      );
      expect(answer).toMatchObject({
        status: 404,
        body: {
          code: 'push.api-version',
          message: expect.stringContaining('/genesys/1/notification and /genesys/2/notification'),
          exception: `${GMS}.NotFoundException`,
        },
      });
    });

    it.each(['/subscription', '/publish'])('answers 415 to POST %s of another media type, or of none', async (path) => {
      const types = ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/jsonp', ''];
      for (const type of types) {
        const answer = await stage.post(path, '{"tag":"a"}', { headers: { 'content-type': type } });
        expect({ type, ...answer }).toMatchObject({
          type,
          status: 415,
          body: { code: 'request.media-type', exception: `${GMS}.UnsupportedMediaTypeException` },
        });
      }
      const nothing = await stage.stage.ask(`${API}${path}`, { method: 'POST', as: 'publish' });
      expect(nothing).toMatchObject({ status: 415, body: { code: 'request.media-type' } });
    });

    it('takes application/json with parameters and in any case', async () => {
      for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
        const answer = await stage.post('/publish', { tag: 'a' }, { headers: { 'content-type': type } });
        expect(answer.status).toBe(200);
      }
    });
  });

  describe('errors', () => {
    it('have the house’s fields and an exception, wherever they come from', async () => {
      const { ask } = stage.stage;
      const call = ask.bind(stage.stage);
      const answers = [
        [401, 'UnauthorizedException', await call(`${API}/publish`, { method: 'POST', body: {}, as: 'nobody' })],
        [403, 'ForbiddenException', await call(`${API}/publish`, { method: 'POST', body: {}, as: 'intake' })],
        [403, 'ForbiddenException', await call(`${API}/subscription`, { method: 'POST', body: {}, as: 'admin' })],
        [404, 'NotFoundException', await call(`${API}/nothing`, { as: 'publish' })],
        [405, 'MethodNotAllowedException', await call(`${API}/publish`, { as: 'publish' })],
        [400, 'InvalidRequestException', await stage.post('/publish', '{"tag":')],
        [400, 'InvalidRequestException', await stage.post('/publish', {})],
        [413, 'RequestTooLargeException', await stage.post('/publish', { tag: 'a', message: 'x'.repeat(270_000) })],
        [414, 'InvalidRequestException', await stage.delete(`/subscription/${'x'.repeat(769)}`)],
        [400, 'InvalidRequestException', await stage.delete('/subscription/%')],
      ] as const;
      for (const [status, exception, { body }] of answers) {
        expect(body).toEqual({
          statusCode: status,
          error: expect.any(String),
          message: expect.any(String),
          code: expect.any(String),
          exception: `${GMS}.${exception}`,
          ...(body.details === undefined ? {} : { details: expect.any(Array) }),
        });
      }
    });

    it('elsewhere have no exception', async () => {
      const { body } = await stage.stage.ask('/nothing', { as: 'publish' });
      expect(body).not.toHaveProperty('exception');
    });

    it('"Subscription ID not found"', async () => {
      for (const id of ['4fce4357-7abc-44b9-81e5-64e1e9e0ccf1', 'no-uuid']) {
        const { status, body } = await stage.delete(`/subscription/${id}`);
        expect({ status, ...body }).toMatchObject({
          status: 404,
          message: 'Subscription ID not found',
          exception: 'com.genesyslab.gsg.services.notification.SubscriptionNotFoundException',
        });
      }
    });

    it('"Subscriber ID not found"', async () => {
      const { status, body } = await stage.delete('/subscription/subscriber/nobody');
      expect({ status, ...body }).toMatchObject({
        status: 404,
        message: 'Subscriber ID not found',
        exception: 'com.genesyslab.gsg.services.notification.SubscriberNotFoundException',
      });
    });

    it('404 for a push type that is not enabled, subscribed to or published to', async () => {
      const named = { notificationDetails: { type: 'ios', deviceId: 'token' } };
      for (const answer of [await subscribe(named), await stage.post('/publish', { tag: 'a', ...named })]) {
        expect(answer).toMatchObject({
          status: 404,
          body: {
            code: 'push.type-disabled',
            message: 'Push type ios is not enabled; enabled: comet, httpcb. PUSH_ENABLED says which are.',
            exception: `${GMS}.PushTypeNotEnabledException`,
          },
        });
      }
    });
  });

  describe('the subscription request', () => {
    const bad: [name: string, but: object, field: string, message: RegExp][] = [
      ['no subscriberId', { subscriberId: undefined }, 'subscriberId', /is required/],
      ['an empty subscriberId', { subscriberId: '' }, 'subscriberId', /least is 1/],
      ['a subscriberId of 257', { subscriberId: 'x'.repeat(257) }, 'subscriberId', /257 characters; the limit is 256/],
      ['no filter', { filter: undefined }, 'filter', /is required/],
      ['a null filter', { filter: null }, 'filter', /must be a string, not null/],
      ['no notificationDetails', { notificationDetails: undefined }, 'notificationDetails', /is required/],
      ['expire as text', { expire: '60' }, 'expire', /must be a/],
      ['a broken expire', { expire: 60.5 }, 'expire', /whole number/],
      ['expire below 30', { expire: 29 }, 'expire', /the value 29; the least is 30/],
      ['expire above a year', { expire: 31_536_001 }, 'expire', /the limit is 31,536,000/],
      ['a line break in authorization', { authorization: 'a\r\nX: y' }, 'authorization', /line breaks/],
      ['a long authorization', { authorization: 'x'.repeat(4_097) }, 'authorization', /limit is 4,096/],
      ['a long language', { language: 'x'.repeat(36) }, 'language', /limit is 35/],
      ['a long providerName', { providerName: 'x'.repeat(129) }, 'providerName', /limit is 128/],
      ['an unknown field', { expires: 60 }, 'expires', /not a known field/],
    ];

    it.each(bad)('400: %s', async (_, but, field, message) => {
      const { status, body } = await subscribe(but);
      expect({ status, body }).toMatchObject({ status: 400, body: { code: 'request.invalid', exception: INVALID } });
      expect(body.details).toEqual([expect.objectContaining({ field, message: expect.stringMatching(message) })]);
    });

    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']));
    const badDetails: [name: string, but: object, field: string, message: RegExp][] = [
      ['no type', { type: undefined }, 'type', /must be one of|is required/],
      ['an unknown type', { type: 'symbian' }, 'type', /must be one of comet, httpcb, customhttp, orscb, ios, android/],
      ['no deviceId', { deviceId: undefined }, 'deviceId', /is required/],
      ['a long deviceId', { deviceId: 'x'.repeat(2_049) }, 'deviceId', /limit is 2,048/],
      ['a list as property', { properties: { a: [] } }, 'properties.a', /string of at most 4096 characters, a number/],
      ['null as property', { properties: { a: null } }, 'properties.a', /a number or a boolean/],
      ['65 properties', { properties: many }, 'properties', /at most 64 keys/],
      ['a number as debug', { debug: 1 }, 'debug', /true, false, "debug"/],
      ['an unknown field', { devideId: 'x' }, 'devideId', /not a known field/],
    ];

    it.each(badDetails)('400: %s in notificationDetails', async (_, but, field, message) => {
      const { status, body } = await subscribe(details(but));
      expect({ status, exception: body.exception }).toEqual({ status: 400, exception: INVALID });
      const expected = { field: `notificationDetails.${field}`, message: expect.stringMatching(message) };
      expect(body.details).toEqual([expect.objectContaining(expected)]);
    });

    it('lists every bad field at once', async () => {
      const { body } = await subscribe({ subscriberId: 1, expire: 'soon', surplus: true });
      expect(body.details.map(({ field }: { field: string }) => field).sort()).toEqual([
        'expire',
        'subscriberId',
        'surplus',
      ]);
    });

    it.each([
      ['', /empty/],
      ['a.', /'\.' at position 2/],
      ['a*', /'\*' at position 2/],
      ['*.a', /'\*' at position 1/],
      ['a-b', /'-' at position 2/],
      ['ä', /U\+00E4 at position 1/],
    ])('400: filter "%s"', async (filter, message) => {
      const answer = await subscribe({ filter });
      expect(answer).toMatchObject({
        status: 400,
        body: { code: 'push.filter-invalid', message: expect.stringMatching(message), exception: INVALID },
      });
    });

    it.each([
      { expire: 30 },
      { expire: 31_536_000 },
      { authorization: 'ZGVtbzo=' },
      { language: 'en-GB', providerName: 'default' },
      { subscriberId: 'ä/ü %' },
    ])('200: %j', async (but) => {
      expect((await subscribe(but)).status).toBe(200);
    });

    it.each([
      { properties: { 'apple.badge': 9, text: 'x', flag: true } },
      { properties: { debug: 'true' } },
      { properties: { debug: true } },
      { debug: 'debug' },
      { debug: false },
      { properties: {} },
    ])('200: %j in notificationDetails', async (but) => {
      expect((await subscribe(details(but))).status).toBe(200);
    });

    it('400 for a callback that leads nowhere permitted', async () => {
      for (const deviceId of ['http://10.0.0.1/', 'ftp://127.0.0.1/', 'no url', 'http://user@127.0.0.1/']) {
        const { status, body } = await subscribe(details({ deviceId }));
        expect({ deviceId, status, exception: body.exception }).toEqual({ deviceId, status: 400, exception: INVALID });
        expect(body.details).toEqual([expect.objectContaining({ field: 'notificationDetails.deviceId' })]);
      }
    });

    it('comet needs the header gms_user and no deviceId', async () => {
      const comet = { notificationDetails: { type: 'comet' } };
      const without = await subscribe(comet);
      expect(without).toMatchObject({ status: 400, body: { details: [{ field: 'gms_user' }], exception: INVALID } });
      expect((await subscribe(comet, { gms_user: 'user-1' })).status).toBe(200);
      expect((await subscribe(comet, { gms_user: 'u'.repeat(256) })).status).toBe(200);
      const long = await subscribe(comet, { gms_user: 'u'.repeat(257) });
      expect(long).toMatchObject({ status: 400, body: { message: 'gms_user has 257 characters; the limit is 256' } });
    });
  });

  describe('the event', () => {
    it.each([
      ['no tag', {}, 'tag', /is required/],
      ['a null tag', { tag: null }, 'tag', /must be a string, not null/],
      ['a number as message', { tag: 'a', message: 5 }, 'message', /must be a string/],
      ['an object as message', { tag: 'a', message: {} }, 'message', /must be a string/],
      ['another mediaType', { tag: 'a', mediaType: 'html' }, 'mediaType', /string or localizestring/],
      ['an unknown field', { tag: 'a', massage: '' }, 'massage', /not a known field/],
      [
        'no deviceId',
        { tag: 'a', ...{ notificationDetails: { type: 'httpcb' } } },
        'notificationDetails.deviceId',
        /is required/,
      ],
      [
        'both spellings of deviceId',
        { tag: 'a', notificationDetails: { type: 'httpcb', deviceId: 'x', devideId: 'x' } },
        'notificationDetails.devideId',
        /give one of them/,
      ],
    ])('400: %s', async (_, body, field, message) => {
      const answer = await stage.post('/publish', body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid', exception: INVALID } });
      expect(answer.body.details).toEqual([
        expect.objectContaining({ field, message: expect.stringMatching(message) }),
      ]);
    });

    it.each(['', '.a', 'a..b', 'a.*', '*', 'a b', 'ß'])('400: tag "%s"', async (tag) => {
      const answer = await stage.post('/publish', { tag });
      expect(answer).toMatchObject({ status: 400, body: { code: 'push.tag-invalid', exception: INVALID } });
    });

    it.each(['string', 'STRING', 'localizestring', 'LocalizeString', 'LOCALIZESTRING'])(
      '200: mediaType %s',
      async (mediaType) => {
        expect((await stage.post('/publish', { tag: 'a', mediaType })).status).toBe(200);
      },
    );

    it.each(['with space', 'ä', 'x'.repeat(256)])('400: Idempotency-Key "%s"', async (key) => {
      const answer = await stage.post('/publish', { tag: 'a' }, { headers: { 'idempotency-key': encode(key) } });
      expect(answer).toMatchObject({ status: 400, body: { details: [{ field: 'Idempotency-Key' }] } });
    });
  });

  it('keeps every role to its own', async () => {
    for (const as of ['intake', 'publish'] as const) {
      const id = (await stage.post('/subscription', stage.subscription('r.*'), { as })).body.id;
      expect((await stage.delete(`/subscription/${id}`, { as })).status).toBe(200);
    }
    expect((await stage.post('/publish', { tag: 'r.a' }, { as: 'intake' })).status).toBe(403);
    expect((await stage.post('/publish', { tag: 'r.a' }, { as: 'admin' })).status).toBe(403);
  });
});

describe('PUSH_ENABLED=none', () => {
  it('has no Notification API, and everything else', async () => {
    const stage = await PushStage.start({ PUSH_ENABLED: 'none' });
    try {
      expect((await stage.post('/publish', { tag: 'a' })).status).toBe(404);
      const health = await stage.stage.ask('/health');
      expect(health).toMatchObject({ status: 200 });
      expect(health.body.details).not.toHaveProperty('push');
      const list = await stage.stage.ask('/ops/push/subscriptions', { as: 'admin' });
      expect(list).toMatchObject({ status: 200, body: { items: [] } });
      const ledger = await stage.stage.ask('/ops/push/ledger', { as: 'admin' });
      expect(ledger.body).toEqual({ pending: 0, delivered: 0, dead: 0, discarded: 0, cancelled: 0, total: 0 });
    } finally {
      await stage.stop();
    }
  });
});

/** fetch takes headers as Latin-1. */
function encode(text: string): string {
  return Buffer.from(text).toString('latin1');
}

describe('PUSH_ENABLED without comet', () => {
  it('serves no CometD', async () => {
    const stage = await PushStage.start({ PUSH_ENABLED: 'httpcb' });
    const handshake = [{ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] }];
    expect(await stage.stage.post('/genesys/cometd', handshake, { as: 'publish' })).toMatchObject({ status: 404 });
    await stage.subscribed('still.served');
    await stage.stop();
  });
});
