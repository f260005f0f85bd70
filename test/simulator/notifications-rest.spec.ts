import { randomUUID } from 'node:crypto';
import { acwTopic, Client } from './client.js';

const UUID = /^[0-9a-f-]{36}$/;

describe('notification endpoints', () => {
  let client: Client;
  beforeAll(async () => void (client = await Client.start({ genesys: { requestsPerMinute: 10_000 } })));
  afterEach(() =>
    client.simulator.genesys.configure({
      forbiddenTopics: [],
      subscribeAnswer: 'all',
      deleteAnswer: 200,
      maxTopics: 1000,
    }),
  );
  afterAll(() => client.stop());

  const path = (id: string): string => `/notifications/channels/${id}/subscriptions`;
  const listed = async (id: string): Promise<string[]> =>
    (await client.api('GET', path(id))).body.entities.map((entity: { id: string }) => entity.id);

  it('makes a channel with 200, without a body and with an empty object', async () => {
    const answer = await client.api('POST', '/notifications/channels');
    expect(answer.status).toBe(200);
    expect(answer.body.id).toMatch(/^streaming-0-[a-z0-9]{26}$/);
    expect(answer.body.connectUri).toBe(`${client.simulator.apiUrl.replace('http', 'ws')}/channels/${answer.body.id}`);
    expect(Date.parse(answer.body.expires) - Date.now()).toBeGreaterThan(86_390_000);
    expect(answer.headers.get('inin-correlation-id')).toMatch(UUID);
    expect(Number(answer.headers.get('inin-ratelimit-count'))).toBeGreaterThan(0);
    expect(answer.headers.get('inin-ratelimit-allowed')).toBe('10000');
    expect(Number(answer.headers.get('inin-ratelimit-reset'))).toBeLessThanOrEqual(60);
    expect((await client.api('POST', '/notifications/channels', {})).status).toBe(200);
    expect((await client.api('POST', '/notifications/channels', { ttl: 5 })).status).toBe(400);
  });

  it('tells by HEAD whether a channel exists', async () => {
    const { id } = await client.channel();
    expect((await client.api('HEAD', `/notifications/channels/${id}`)).status).toBe(200);
    expect((await client.api('HEAD', '/notifications/channels/streaming-0-nope')).status).toBe(404);
  });

  it('has no GET and no DELETE of one channel', async () => {
    const { id } = await client.channel();
    expect((await client.api('GET', `/notifications/channels/${id}`)).status).toBe(404);
    expect((await client.api('DELETE', `/notifications/channels/${id}`)).status).toBe(404);
  });

  it("lists the token's channels, and those of other tokens without id when asked in either case", async () => {
    const { id } = await client.channel();
    client.useToken(await client.newToken());
    const own = await client.channel();
    expect((await client.api('GET', '/notifications/channels')).body.entities).toEqual([own]);
    const all = (await client.api('GET', '/notifications/channels?includechannels=OAuthClient')).body.entities;
    expect(all.length).toBe(client.simulator.genesys.channels().length);
    expect(all.map((entity: { id?: string }) => entity.id)).toContain(own.id);
    expect(all.map((entity: { id?: string }) => entity.id)).not.toContain(id);
    const bad = await client.api('GET', '/notifications/channels?includechannels=mine');
    expect(bad).toMatchObject({ status: 400, body: { code: 'invalid.value' } });
  });

  it('adds by POST, replaces by PUT, empties by DELETE with no body', async () => {
    const { id } = await client.channel();
    const [a, b, c] = [acwTopic('a'), acwTopic('b'), acwTopic('c')] as const;
    await client.subscribe(id, [a, a]);
    const answer = await client.subscribe(id, [b]);
    expect(answer.status).toBe(200);
    expect(answer.body.entities).toEqual(
      [a, b].map((topic) => ({ id: topic, state: 'Permitted', selfUri: expect.any(String) })),
    );
    expect(await listed(id)).toEqual([a, b]);
    await client.subscribe(id, [c, b], { method: 'PUT' });
    expect((await listed(id)).sort()).toEqual([b, c]);
    expect(await client.api('DELETE', path(id))).toMatchObject({ status: 200, text: '' });
    expect(await listed(id)).toEqual([]);
    client.simulator.genesys.configure({ deleteAnswer: 204 });
    expect((await client.api('DELETE', path(id))).status).toBe(204);
  });

  it('can answer only what was added', async () => {
    client.simulator.genesys.configure({ subscribeAnswer: 'added' });
    const { id } = await client.channel();
    await client.subscribe(id, [acwTopic('a')]);
    const { body } = await client.subscribe(id, [acwTopic('b')]);
    expect(body.entities.map((entity: { id: string }) => entity.id)).toEqual([acwTopic('b')]);
  });

  it('fails the whole request for one forbidden topic', async () => {
    client.simulator.genesys.configure({ forbiddenTopics: ['*.bad.acw'] });
    const { id } = await client.channel();
    const answer = await client.subscribe(id, [acwTopic('a'), acwTopic('bad')]);
    expect(answer.status).toBe(403);
    expect(answer.body).toEqual({
      message: `The user does not have permission "analytics:conversationDetail:view" required for topic "${acwTopic('bad')}"`,
      code: 'notification.unauthorized.topic',
      status: 403,
      messageWithParams: answer.body.message,
      messageParams: {},
      contextId: answer.headers.get('inin-correlation-id'),
      details: [],
      errors: [],
    });
    expect(await listed(id)).toEqual([]);
  });

  it('lets the others through with ignoreErrors, part by part of a combined topic', async () => {
    client.simulator.genesys.configure({ forbiddenTopics: ['*.wrapup', '*.bad.acw'] });
    const { id } = await client.channel();
    const combined = 'v2.detail.events.conversation.a?acw&wrapup';
    const { status, body } = await client.subscribe(id, [combined, acwTopic('bad')], { query: '?ignoreErrors=true' });
    expect(status).toBe(200);
    expect(body.entities).toEqual([
      expect.objectContaining({ id: combined, state: 'Permitted' }),
      expect.objectContaining({
        id: 'v2.detail.events.conversation.a.wrapup',
        state: 'Rejected',
        missingPermissions: ['analytics:conversationDetail:view'],
      }),
      expect.objectContaining({
        id: acwTopic('bad'),
        state: 'Rejected',
        rejectionReason: expect.stringContaining(acwTopic('bad')),
      }),
    ]);
    expect(await listed(id)).toEqual([combined]);
    expect((await client.subscribe(id, [], { query: '?ignoreErrors=maybe' })).status).toBe(400);
  });

  it.each([
    'v2.detail.events.conversation.a.nothing',
    'v2.detail.events.conversation..acw',
    'v2.conversations.a',
    'v2.system.socket_closing',
    'channel.metadata',
    'v2.detail.events.conversation.a?acw&nothing',
    `v2.detail.events.conversation.a?${Array<string>(60).fill('acw').join('&')}`,
  ])('refuses the topic %s', async (topic) => {
    const { id } = await client.channel();
    const answer = await client.subscribe(id, [acwTopic('a'), topic], { query: '?ignoreErrors=true' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'notification.invalid.topic' } });
    expect(await listed(id)).toEqual([]);
  });

  it('takes 1,000 topics and refuses the 1,001st, by POST and PUT, without doing anything', async () => {
    const { id } = await client.channel();
    const topics = Array.from({ length: 1000 }, () => acwTopic(randomUUID()));
    expect((await client.subscribe(id, topics)).status).toBe(200);
    const refused = {
      status: 400,
      body: { code: 'notification.subscription.too.many.subscriptions', message: 'Too many subscriptions' },
    };
    expect(await client.subscribe(id, [acwTopic('more')])).toMatchObject(refused);
    expect(await client.subscribe(id, [...topics, acwTopic('more')], { method: 'PUT' })).toMatchObject(refused);
    expect((await client.subscribe(id, topics.slice(0, 3))).status).toBe(200);
    expect((await client.subscribe(id, [...topics, ...topics], { method: 'PUT' })).status).toBe(200);
    expect(await listed(id)).toHaveLength(1000);
  });

  it.each([['[{"id":""}]'], ['[{}]'], ['{"id":"a"}'], ['["a"]'], ['not json']])('refuses the body %s', async (body) => {
    const { id } = await client.channel();
    expect((await client.api('POST', path(id), body)).status).toBe(400);
  });

  it('answers 404 for subscriptions of an unknown channel', async () => {
    for (const method of ['GET', 'DELETE']) {
      expect(await client.api(method, path('streaming-0-nope'))).toMatchObject({
        status: 404,
        body: { code: 'not.found' },
      });
    }
    expect((await client.subscribe('streaming-0-nope', [acwTopic('a')])).status).toBe(404);
    expect((await client.subscribe('streaming-0-nope', [acwTopic('a')], { method: 'PUT' })).status).toBe(404);
  });

  it('refuses other media types and too large bodies', async () => {
    const { id } = await client.channel();
    const xml = await client.api('POST', path(id), '<a/>', { 'content-type': 'application/xml' });
    expect(xml).toMatchObject({ status: 415, body: { code: 'unsupported.media.type' } });
    expect((await client.api('POST', path(id), `["${'x'.repeat(1024 * 1024)}"]`)).status).toBe(413);
  });

  it('demands a token and takes its scheme in either case', async () => {
    const none = await client.api('GET', '/notifications/channels', undefined, { authorization: '' });
    expect(none).toMatchObject({ status: 401, body: { code: 'authentication.required' } });
    const wrong = await client.api('GET', '/notifications/channels', undefined, { authorization: 'Bearer nope' });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'bad.credentials' } });
    const lower = await client.api('GET', '/notifications/channels', undefined, {
      authorization: `bearer ${await client.newToken()}`,
    });
    expect(lower.status).toBe(200);
  });

  it('lists the topics that can be had, with details only when asked', async () => {
    const { body } = await client.api('GET', '/notifications/availabletopics');
    expect(body.entities).toContainEqual({ id: 'v2.detail.events.conversation.{id}.acw' });
    const more = await client.api(
      'GET',
      '/notifications/availabletopics?expand=requiresPermissions&expand=topicParameters',
    );
    expect(more.body.entities).toContainEqual({
      id: 'v2.detail.events.conversation.{id}.acw',
      requiresPermissions: ['analytics:conversationDetail:view'],
      topicParameters: ['id'],
    });
    expect((await client.api('GET', '/notifications/availabletopics?expand=colour')).status).toBe(400);
  });

  it('answers unknown paths with its 404', async () => {
    expect(await client.api('GET', '/nope')).toMatchObject({ status: 404, body: { code: 'not.found', status: 404 } });
  });

  it('counts requests per token and minute, and says when to come again', async () => {
    const { genesys, clock } = client.simulator;
    client.useToken(await client.newToken());
    genesys.configure({ requestsPerMinute: 2 });
    try {
      const statuses = [];
      for (let n = 0; n < 3; n += 1) statuses.push((await client.api('GET', '/notifications/channels')).status);
      expect(statuses).toEqual([200, 200, 429]);
      const refused = await client.api('GET', '/notifications/channels');
      const retryAfter = Number(refused.headers.get('retry-after'));
      expect(retryAfter).toBeGreaterThan(50);
      expect(refused.body).toMatchObject({
        code: 'too.many.requests.retry.after',
        message: `Rate limit exceeded the maximum. Retry the request in [${retryAfter}] seconds`,
        limit: { key: 'client.credentials.token.rate.per.minute', value: 2 },
      });
      clock.advance(retryAfter * 1000);
      expect((await client.api('GET', '/notifications/channels')).status).toBe(200);
    } finally {
      genesys.configure({ requestsPerMinute: 10_000 });
    }
  });
});
