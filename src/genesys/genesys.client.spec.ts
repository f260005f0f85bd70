import { jest } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { Config } from '../config/config.js';
import { boot, counted } from '../auth/testing/boot.js';
import type { Booted } from '../auth/testing/boot.js';
import { ScriptedServer } from '../auth/testing/scripted-server.js';
import type { Reply } from '../auth/testing/scripted-server.js';
import { genesysSettings } from '../auth/testing/settings.js';
import { shortHash } from '../common/short-hash.js';
import { GenesysClient } from './genesys.client.js';
import {
  ChannelGoneError,
  GenesysForbiddenError,
  GenesysRateLimitError,
  GenesysRequestError,
  GenesysAnswerTooLargeError,
  GenesysUnreachableError,
  TooManyTopicsError,
} from './genesys.errors.js';
import { GenesysModule } from './genesys.module.js';

const CHANNEL = 'streaming-0-fmtdmf8cdis7jh14udg5p89t6z';
const CHANNELS = '/api/v2/notifications/channels';
const SUBSCRIPTIONS = `${CHANNELS}/${CHANNEL}/subscriptions`;
const URI = `wss://streaming.example/channels/${CHANNEL}`;
const topic = (id: number): string => `v2.detail.events.conversation.${id}.acw`;

describe('GenesysClient', () => {
  let login: ScriptedServer;
  let api: ScriptedServer;
  let booted: Booted;
  let client: GenesysClient;
  let tokenNumber: number;

  async function start(more: Partial<Config['genesys']> = {}): Promise<void> {
    booted = await boot([GenesysModule], genesysSettings({ loginUrl: login.url, apiUrl: api.url, ...more }));
    client = booted.module.get(GenesysClient);
  }

  const failure = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );
  const requests = (operation: string, status: string): Promise<number> =>
    counted(booted.metrics.genesysRequests, { operation, status });
  /** Retries follow at once. */
  const withoutJitter = (): void => void jest.spyOn(Math, 'random').mockReturnValue(0);

  beforeEach(async () => {
    tokenNumber = 0;
    login = await ScriptedServer.start();
    api = await ScriptedServer.start();
    login.otherwise = () => ({
      body: { access_token: `hush-${(tokenNumber += 1)}`, token_type: 'bearer', expires_in: 3_600 },
    });
    await start();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await booted.module.close();
    await Promise.all([api.stop(), login.stop()]);
    const written = booted.logged() + (await booted.metrics.text());
    for (const secret of [CHANNEL, 'hush-', 'a customer wrote']) expect(written).not.toContain(secret);
  });

  describe('operations', () => {
    it('creates a channel', async () => {
      api.script = [{ body: { connectUri: URI, id: CHANNEL, expires: '2026-03-02T10:15:30.123Z', more: 1 } }];
      expect(await client.createChannel()).toEqual({
        id: CHANNEL,
        connectUri: URI,
        expiresAt: Date.parse('2026-03-02T10:15:30.123Z'),
      });
      const [request] = api.seen;
      expect(request).toMatchObject({ method: 'POST', url: CHANNELS, body: '' });
      expect(request?.headers).toMatchObject({ authorization: 'Bearer hush-1', accept: 'application/json' });
    });

    it('takes a channel without a readable end', async () => {
      api.script = [{ body: { connectUri: URI, id: CHANNEL, expires: 'soon' } }];
      expect(await client.createChannel()).toEqual({ id: CHANNEL, connectUri: URI });
    });

    it('tells whether a channel exists', async () => {
      api.script = [{ status: 200 }, { status: 404 }];
      expect([await client.channelExists(CHANNEL), await client.channelExists(CHANNEL)]).toEqual([true, false]);
      expect(api.seen[0]).toMatchObject({ method: 'HEAD', url: `${CHANNELS}/${CHANNEL}` });
    });

    it('lists the topics of a channel', async () => {
      api.script = [
        { body: { entities: [{ id: topic(1) }, null, { state: 'Permitted' }, { id: topic(2) }] } },
        { body: {} },
      ];
      expect(await client.subscriptions(CHANNEL)).toEqual([topic(1), topic(2)]);
      expect(await client.subscriptions(CHANNEL)).toEqual([]);
    });

    it('subscribes, and says of each topic what became of it', async () => {
      const entities = [
        { id: topic(9), state: 'Permitted' },
        { id: topic(2), state: 'Rejected', rejectionReason: 'no\u0000\r\npermission', missingPermissions: ['x'] },
        { id: topic(1).toUpperCase(), state: 'permitted' },
        { id: topic(3), state: 'Pending' },
        { id: topic(4) },
      ];
      api.script = [{ body: { entities } }];
      const asked = [topic(1), topic(2), topic(3), topic(4).toUpperCase(), topic(5)];
      expect(await client.subscribe(CHANNEL, asked)).toEqual([
        { id: topic(1), state: 'Permitted' },
        { id: topic(2), state: 'Rejected', rejectionReason: 'no permission' },
        { id: topic(3), state: 'Unknown' },
        { id: topic(4).toUpperCase(), state: 'Permitted' },
        { id: topic(5), state: 'Unknown' },
      ]);
      const [request] = api.seen;
      expect(request).toMatchObject({ method: 'POST', url: `${SUBSCRIPTIONS}?ignoreErrors=true` });
      expect(request?.headers['content-type']).toBe('application/json');
      expect(JSON.parse(request?.body ?? '')).toEqual(asked.map((id) => ({ id })));
    });

    it('sends nothing for nothing', async () => {
      expect([await client.subscribe(CHANNEL, []), await client.conversationDetails([])]).toEqual([[], []]);
      expect(api.seen).toHaveLength(0);
    });

    it('replaces and clears the topics of a channel', async () => {
      api.script = [{ body: { entities: [] } }, { status: 204 }];
      expect(await client.replaceSubscriptions(CHANNEL, [])).toEqual([]);
      await client.clearSubscriptions(CHANNEL);
      expect(api.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
        ['PUT', `${SUBSCRIPTIONS}?ignoreErrors=true`, '[]'],
        ['DELETE', SUBSCRIPTIONS, ''],
      ]);
    });

    it("lists the client's channels, those of other tokens too", async () => {
      const expires = '2026-01-02T03:04:05.678Z';
      api.script = [{ body: { entities: [{ id: CHANNEL, connectUri: 'wss://x/y', expires }, { expires: 'soon' }] } }];
      expect(await client.channels()).toEqual([{ id: CHANNEL, expiresAt: Date.parse(expires) }, {}]);
      expect(api.seen[0]?.url).toBe('/api/v2/notifications/channels?includechannels=oauthclient');
    });

    it('lists the topics that can be had, with the permissions that either field names', async () => {
      const entities = [
        { id: 'a', requiresPermissions: ['p:q:r', 7], transports: ['All'] },
        { id: 'b', permissionDetails: [{ permissions: ['x:y:z'] }, null], requiresPermissions: ['x:y:z'] },
        { description: 'none' },
      ];
      api.script = [{ body: { entities } }];
      expect(await client.availableTopics()).toEqual([
        { id: 'a', permissions: ['p:q:r'], transports: ['All'] },
        { id: 'b', permissions: ['x:y:z'], transports: [] },
      ]);
      expect(api.seen[0]?.url).toBe(
        '/api/v2/notifications/availabletopics?expand=requiresPermissions,permissionDetails,transports',
      );
    });

    it('reads a conversation, and says when there is none', async () => {
      api.script = [{ body: { id: 'c/1', participants: null } }, { status: 404 }];
      expect(await client.conversation('c/1')).toEqual({ id: 'c/1', participants: null });
      expect(await client.conversation('c/1')).toBeUndefined();
      expect(api.seen[0]?.url).toBe('/api/v2/conversations/c%2F1');
    });

    it('asks analytics for many conversations in one value', async () => {
      api.script = [{ body: { conversations: [{ conversationId: 'a' }, null] } }, { body: {} }];
      expect(await client.conversationDetails(['a', 'b'])).toEqual([{ conversationId: 'a' }]);
      expect(await client.conversationDetails(['a', 'b'])).toEqual([]);
      expect(api.seen[0]?.url).toBe('/api/v2/analytics/conversations/details?id=a,b');
    });

    it('refuses more than a hundred of them', async () => {
      const ids = Array.from({ length: 101 }, (_, index) => String(index));
      await expect(client.conversationDetails(ids)).rejects.toThrow('101 conversations at once; at most 100.');
      expect(api.seen).toHaveLength(0);
    });

    it('reads compressed answers', async () => {
      const packed = gzipSync(JSON.stringify({ id: 'c' }));
      api.script = [{ by: (response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed) }];
      expect(await client.conversation('c')).toEqual({ id: 'c' });
    });
  });

  describe("Genesys' clock", () => {
    const MINUTES = 60_000;
    const answeredAt = (ms: number): Reply => ({
      status: 404,
      headers: { Date: new Date(ms).toUTCString() },
    });

    it('is read from the latest answer', async () => {
      for (const offset of [-10 * MINUTES, 10 * MINUTES, 60 * MINUTES]) {
        api.script = [answeredAt(Date.now() + offset)];
        await client.conversation('c');
        expect(Math.abs((client.clockOffsetMs() ?? NaN) - offset)).toBeLessThan(10_000);
      }
    });

    it('is not believed where it is hours away, as the `Date` of a proxy may be', async () => {
      api.script = [answeredAt(0), answeredAt(Date.now() - 10 * MINUTES), answeredAt(0)];
      await client.conversation('c');
      expect(client.clockOffsetMs()).toBeUndefined();
      await client.conversation('c');
      const before = client.clockOffsetMs();
      await client.conversation('c');
      expect(client.clockOffsetMs()).toBe(before);
    });
  });

  describe('answers that are none', () => {
    it.each<[string, Reply]>([
      ['no JSON', { body: '<html>a customer wrote this' }],
      ['a list', { body: [] }],
      ['no connectUri', { body: { id: CHANNEL } }],
      ['a connectUri of another kind', { body: { id: CHANNEL, connectUri: 'https://x' } }],
      ['an empty id', { body: { id: '', connectUri: URI } }],
    ])('are errors that do not quote them: %s', async (_what, reply) => {
      api.script = [reply];
      const error = (await failure(client.createChannel())) as GenesysRequestError;
      expect(error).toMatchObject({ code: 'genesys.bad-answer', status: 200 });
      expect(error.message).not.toMatch(/customer|streaming|https/);
      expect(api.seen).toHaveLength(1);
    });

    it('are errors when larger than 2 MB, also unpacked', async () => {
      const packed = gzipSync(JSON.stringify({ id: 'x'.repeat(3 * 1024 * 1024) }));
      expect(packed.length).toBeLessThan(10_000);
      api.script = [{ by: (response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed) }];
      const error = await failure(client.conversation('c'));
      expect(error).toBeInstanceOf(GenesysAnswerTooLargeError);
      expect((error as Error).message).toContain('answer larger than 2097152 bytes');
      expect(api.seen).toHaveLength(1);
    });

    it('may have 20 MB from analytics', async () => {
      const conversationId = 'x'.repeat(3 * 1024 * 1024);
      api.script = [{ body: { conversations: [{ conversationId }] } }];
      expect(await client.conversationDetails(['x'])).toEqual([{ conversationId }]);
    });
  });

  describe('errors', () => {
    it('says what Genesys said, with the correlation id, and hides the channel', async () => {
      const limit = { key: 'k', namespace: 'n', value: 1_000, other: true };
      const body = {
        code: 'bad.request',
        message: `no good: ${CHANNEL}\u0000\nand streaming-1-xyz`,
        status: 400,
        limit,
      };
      api.script = [{ status: 400, headers: { 'ININ-Correlation-Id': 'corr-1' }, body }];
      const error = (await failure(client.subscriptions(CHANNEL))) as GenesysRequestError;
      expect(error).toBeInstanceOf(GenesysRequestError);
      expect(error).toMatchObject({
        code: 'genesys.request-failed',
        status: 400,
        genesysCode: 'bad.request',
        correlationId: 'corr-1',
        limit: { key: 'k', namespace: 'n', value: 1_000 },
      });
      const hash = shortHash(CHANNEL);
      expect(error.message).toBe(
        `Genesys answered 400 to list-subscriptions on channel ${hash} (bad.request: no good: #${hash} and [channel]).`,
      );
      expect(booted.logged()).toContain('"correlationId":"corr-1"');
      expect(api.seen).toHaveLength(1);
    });

    it('names a channel that is gone', async () => {
      api.otherwise = () => ({ status: 404, body: { code: 'not.found', contextId: 'ctx' } });
      for (const call of [
        client.subscriptions(CHANNEL),
        client.subscribe(CHANNEL, [topic(1)]),
        client.replaceSubscriptions(CHANNEL, [topic(1)]),
        client.clearSubscriptions(CHANNEL),
      ]) {
        const error = await failure(call);
        expect(error).toBeInstanceOf(ChannelGoneError);
        expect(error).toMatchObject({ code: 'genesys.channel-gone', correlationId: 'ctx' });
      }
    });

    it.each([
      ['its own code', { code: 'notification.subscription.too.many.subscriptions' }],
      [
        'a code inside',
        { code: 'bad.request', errors: [{ code: 'notification.subscription.too.many.subscriptions' }] },
      ],
      ['its text', { message: 'Too many subscriptions' }],
    ])('names a full channel by %s', async (_what, body) => {
      api.script = [{ status: 400, body }];
      expect(await failure(client.subscribe(CHANNEL, [topic(1)]))).toBeInstanceOf(TooManyTopicsError);
    });

    it('names a missing permission', async () => {
      api.script = [{ status: 403, body: { code: 'missing.permissions' } }];
      expect(await failure(client.conversation('c'))).toBeInstanceOf(GenesysForbiddenError);
    });

    it.each(['', 'null', '[]', '{"code":7,"message":{},"errors":{},"limit":"x"}', '{"errors":[null,{}]}', '<html>'])(
      'reads an error body tolerantly: %j',
      async (body) => {
        api.script = [{ status: 409, body }];
        const error = (await failure(client.subscriptions(CHANNEL))) as GenesysRequestError;
        expect(error).toMatchObject({ status: 409, genesysCode: undefined, code: 'genesys.request-failed' });
      },
    );

    it('keeps the request out of the error and its causes', async () => {
      withoutJitter();
      api.otherwise = () => ({ drop: true });
      const error = await failure(client.subscribe(CHANNEL, [topic(1)]));
      expect(error).toBeInstanceOf(GenesysUnreachableError);
      for (let cause = error; cause; cause = (cause as Error).cause) {
        expect(JSON.stringify({ ...cause })).not.toMatch(/hush|streaming|conversation/);
        expect((cause as Error).message).not.toMatch(/hush|streaming|conversation/);
      }
    });
  });

  describe('tokens', () => {
    it('asks once more with a new token after a 401', async () => {
      api.script = [{ status: 401, body: { code: 'bad.credentials' } }, { body: { id: 'c' } }];
      expect(await client.conversation('c')).toEqual({ id: 'c' });
      expect(api.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer hush-1', 'Bearer hush-2']);
      expect([await requests('get-conversation', '401'), await requests('get-conversation', '200')]).toEqual([1, 1]);
    });

    it('gives up after the second 401', async () => {
      api.otherwise = () => ({ status: 401 });
      expect(await failure(client.createChannel())).toMatchObject({ code: 'genesys.request-failed', status: 401 });
      expect(api.seen).toHaveLength(2);
    });

    it('renews once for many calls that were rejected together', async () => {
      api.otherwise = ({ headers }) =>
        headers.authorization === 'Bearer hush-1' ? { status: 401 } : { body: { id: 'c' } };
      await Promise.all(Array.from({ length: 20 }, () => client.conversation('c')));
      expect(login.seen).toHaveLength(2);
    });

    it('asks Genesys nothing without a token', async () => {
      login.otherwise = () => ({ status: 401, body: { error: 'invalid_client' } });
      const free = client.spare();
      expect(await failure(client.createChannel())).toMatchObject({ code: 'auth.refused' });
      expect(await failure(client.conversation('c'))).toMatchObject({ code: 'auth.refused' });
      expect([api.seen.length, login.seen.length]).toEqual([0, 1]);
      expect(client.spare()).toBe(free);
    });
  });

  describe('repeating', () => {
    const passing: [string, Reply][] = [
      ...[408, 500, 502, 503, 504].map((status): [string, Reply] => [String(status), { status }]),
      ['a dropped connection', { drop: true }],
      ['silence', { by: () => undefined }],
    ];

    it.each(passing)('repeats what is idempotent after %s', async (_what, reply) => {
      await booted.module.close();
      await start({ timeoutMs: 100 });
      withoutJitter();
      api.script = [reply, reply, { body: { entities: [{ id: topic(1), state: 'Permitted' }] } }];
      expect(await client.subscribe(CHANNEL, [topic(1)])).toEqual([{ id: topic(1), state: 'Permitted' }]);
      expect(api.seen).toHaveLength(3);
    });

    it.each(passing.filter(([what]) => what !== '503'))(
      'does not make a second channel after %s',
      async (_what, reply) => {
        await booted.module.close();
        await start({ timeoutMs: 100 });
        withoutJitter();
        api.script = [reply];
        expect(await failure(client.createChannel())).toBeInstanceOf(Error);
        expect(api.seen).toHaveLength(1);
      },
    );

    it('makes a channel after a 503, which says that it was not begun', async () => {
      withoutJitter();
      api.script = [{ status: 503 }, { body: { id: CHANNEL, connectUri: URI } }];
      expect((await client.createChannel()).id).toBe(CHANNEL);
    });

    it('makes a channel when no connection had come about', async () => {
      await booted.module.close();
      await start({ apiUrl: 'http://127.0.0.1:1' });
      withoutJitter();
      expect(await failure(client.createChannel())).toBeInstanceOf(GenesysUnreachableError);
      expect(await requests('create-channel', 'not-sent')).toBe(3);
    });

    it('gives up after three tries', async () => {
      withoutJitter();
      api.otherwise = () => ({ status: 502 });
      expect(await failure(client.subscriptions(CHANNEL))).toMatchObject({ status: 502 });
      expect(api.seen).toHaveLength(3);
      expect(await requests('list-subscriptions', '502')).toBe(3);
    });

    it('says a long Retry-After of a 503 instead of sleeping through it', async () => {
      api.script = [{ status: 503, headers: { 'Retry-After': '600' } }];
      expect(await failure(client.subscriptions(CHANNEL))).toMatchObject({ status: 503 });
      expect(api.seen).toHaveLength(1);
    });
  });

  describe('rate limits', () => {
    const limited = (seconds: number): Reply => ({
      status: 429,
      headers: { 'Retry-After': String(seconds), 'ININ-Correlation-Id': 'corr-9' },
      body: {
        code: 'too.many.requests.retry.after',
        limit: { key: 'client.credentials.token.rate.per.minute', value: 300 },
      },
    });

    it('holds every call as long as Retry-After says, then goes on', async () => {
      let hit: () => void = () => undefined;
      const limitHit = new Promise<void>((resolve) => (hit = resolve));
      api.script = [{ by: (response) => (response.writeHead(429, { 'Retry-After': '1' }).end(), hit()) }];
      api.otherwise = ({ method }) => (method === 'HEAD' ? {} : { body: { id: CHANNEL, connectUri: URI } });
      const made = client.createChannel();
      await limitHit;
      // The 429 has left; once it is counted it has also arrived.
      while ((await requests('create-channel', '429')) === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(client.spare()).toBe(0);
      await Promise.all([made, client.channelExists(CHANNEL)]);
      const [first, ...others] = api.seen.map(({ at }) => at);
      expect(others).toHaveLength(2);
      for (const at of others) expect(at - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
    });

    it('says a long one at once, to later calls too, and asks nothing before it is over', async () => {
      api.script = [limited(7_200)];
      const error = await failure(client.subscriptions(CHANNEL));
      expect(error).toBeInstanceOf(GenesysRateLimitError);
      expect(error).toMatchObject({
        retryAfterMs: 7_200_000,
        fault: { status: 429, correlationId: 'corr-9', limit: { value: 300 } },
      });
      jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 7_000_000);
      const { retryAfterMs } = (await failure(client.conversation('c'))) as GenesysRateLimitError;
      expect(retryAfterMs).toBeGreaterThan(190_000);
      expect(retryAfterMs).toBeLessThanOrEqual(200_000);
      expect(api.seen).toHaveLength(1);
    });

    it('takes the time to the reset when there is no Retry-After', async () => {
      api.script = [{ status: 429, headers: { 'inin-ratelimit-reset': '61' } }];
      expect(await failure(client.channelExists(CHANNEL))).toMatchObject({ retryAfterMs: 61_000 });
    });

    it('gives up after the third 429', async () => {
      withoutJitter();
      api.otherwise = () => limited(0);
      expect(await failure(client.createChannel())).toMatchObject({ code: 'genesys.rate-limited', retryAfterMs: 0 });
      expect(api.seen).toHaveLength(3);
    });

    it('stays within the minute, look-ups first to wait', async () => {
      await booted.module.close();
      await start({ requestsPerMinute: 20 });
      api.otherwise = ({ method }) => (method === 'GET' ? { body: { id: 'c' } } : {});
      const stop = new AbortController();
      const lookups = Array.from({ length: 30 }, () => failure(client.conversation('c', { signal: stop.signal })));
      await Promise.all(lookups.slice(0, 17));
      await Promise.all([client.channelExists(CHANNEL), client.channelExists(CHANNEL)]);
      expect(api.seen).toHaveLength(19);
      expect(client.spare()).toBe(0);
      stop.abort(new Error('enough'));
      expect((await Promise.all(lookups)).filter((result) => result instanceof Error)).toHaveLength(13);
    });
  });

  describe('giving up', () => {
    it('rejects with the reason of the signal, wherever the call is', async () => {
      const reason = new Error('enough');
      const stop = new AbortController();
      const arrived = new Promise<void>((resolve) => {
        api.script = [{ by: () => resolve() }];
      });
      const running = failure(client.conversation('c', { signal: stop.signal }));
      await arrived;
      stop.abort(reason);
      expect(await running).toBe(reason);
      expect(await failure(client.conversation('c', { signal: stop.signal }))).toBe(reason);
      expect(api.seen).toHaveLength(1);
    });

    it('does not wait for a token that is on its way', async () => {
      const stop = new AbortController();
      const arrived = new Promise<void>((resolve) => {
        login.script = [{ by: () => resolve() }];
      });
      const running = failure(client.conversation('c', { signal: stop.signal }));
      await arrived;
      stop.abort(new Error('enough'));
      expect(await running).toMatchObject({ message: 'enough' });
    });

    it('ends what is under way at shutdown, and refuses what comes later', async () => {
      const arrived = new Promise<void>((resolve) => {
        api.script = [{ by: () => resolve() }];
      });
      const running = failure(client.conversation('c'));
      await arrived;
      await booted.module.close();
      expect(await running).toMatchObject({
        code: 'genesys.unreachable',
        message: 'get-conversation given up: the gateway is shutting down.',
      });
      expect(await failure(client.conversation('c'))).toBeInstanceOf(Error);
      expect(api.seen).toHaveLength(1);
    });
  });
});
