import { Body, ConflictException, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { GatewayError } from '../common/errors.js';
import { ConfigModule } from '../config/config.module.js';
import { testConfig } from '../config/testing/test-config.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { serveApiDocs } from './api-docs.js';
import { HTTP_OPTIONS, createHttpAdapter } from './fastify-adapter.js';
import { HttpServerModule } from './http-server.module.js';
import { BODY_LIMIT_BYTES } from './limits.js';
import { pageLimit, storableText } from './schemas.js';

const Thing = z.strictObject({
  id: z.uuid(),
  name: storableText(8, 1),
  kind: z.enum(['CALL', 'CHAT']).optional(),
  count: z.number().int().max(3).optional(),
  attributes: z.record(z.string().max(5), storableText(8)).optional(),
});

class FullError extends GatewayError {
  override readonly code = 'thing.full';
  override readonly status = 503;
}

@Controller('things')
class Things {
  @Post()
  create(@Body({ schema: Thing }) thing: z.infer<typeof Thing>): unknown {
    return thing;
  }

  @Get()
  list(@Query({ schema: z.strictObject({ limit: pageLimit(100, 20) }) }) query: { limit: number }): unknown {
    return query;
  }

  @Get('fail/:how')
  fail(@Param('how', { schema: z.enum(['gateway', 'nest', 'unknown']) }) how: string): never {
    if (how === 'gateway') throw new FullError('The store is full.', { cause: new Error('inside') });
    if (how === 'nest') throw new ConflictException('Twice.');
    throw Object.assign(new Error('password=hush at /srv/secret'), { statusCode: 418 });
  }
}

const ID = '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1';
const JSON_TYPE = { 'content-type': 'application/json' };

describe('the HTTP server', () => {
  let app: NestFastifyApplication;
  const post = (payload: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
    app.inject({ method: 'POST', url: '/things', headers, payload });

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(testConfig()), TelemetryModule, HttpServerModule],
      controllers: [Things],
    }).compile();
    app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(), { ...HTTP_OPTIONS, logger: false });
    serveApiDocs(app);
    await app.init();
  });
  afterAll(() => app.close());

  it('lists every bad field at once, with value and limit', async () => {
    const answer = await post(
      JSON.stringify({
        id: 'abc',
        name: 'far too long a name',
        kind: 'FAX',
        count: 5,
        attributes: { a: 1, toolong: 'x' },
        colour: 'red',
      }),
    );
    expect(answer.statusCode).toBe(400);
    const body = answer.json<{ details: { field: string }[] }>();
    expect(body).toMatchObject({ statusCode: 400, error: 'Bad Request', code: 'request.invalid' });
    const byField = Object.fromEntries(body.details.map((detail) => [detail.field, detail]));
    expect(byField).toEqual({
      id: { field: 'id', message: 'must be a UUID', value: 'abc' },
      name: { field: 'name', message: 'has 19 characters; the limit is 8' },
      kind: { field: 'kind', message: 'must be one of CALL, CHAT', value: 'FAX' },
      count: { field: 'count', message: 'has the value 5; the limit is 3', value: 5 },
      'attributes.a': { field: 'attributes.a', message: 'must be a string, not a number', value: 1 },
      'attributes.toolong': { field: 'attributes.toolong', message: expect.stringContaining('key') as string },
      colour: { field: 'colour', message: 'is not a known field; leave it out' },
    });
  });

  it('repeats no text that a customer could have written', async () => {
    const answer = await post(JSON.stringify({ id: ID, name: 'my card number is 4111' }));
    expect(answer.statusCode).toBe(400);
    expect(answer.body).not.toContain('4111');
  });

  it('bounds the list of problems', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${String(index)}`, 1]));
    const { details } = (await post(JSON.stringify({ id: ID, name: 'x', ...unknown }))).json<{ details: unknown[] }>();
    expect(details).toHaveLength(51);
    expect(details.at(-1)).toEqual({ field: 'body', message: 'has 450 more problems' });
  });

  it.each([
    ['no body', '', {}, 'request.invalid', 400],
    ['an empty body', '', JSON_TYPE, 'request.invalid', 400],
    ['an array', '[]', JSON_TYPE, 'request.invalid', 400],
    ['null', 'null', JSON_TYPE, 'request.invalid', 400],
    ['broken JSON', '{"id":', JSON_TYPE, 'request.malformed-json', 400],
    ['__proto__', '{"__proto__":{"x":1}}', JSON_TYPE, 'request.malformed-json', 400],
    [
      'bytes that are not UTF-8',
      Buffer.from(`{"id":"${ID}","name":"Zo\u00eb"}`, 'latin1'),
      JSON_TYPE,
      'request.malformed-json',
      400,
    ],
    ['no content type', '{}', {}, 'request.media-type', 415],
    ['text', '{}', { 'content-type': 'text/plain' }, 'request.media-type', 415],
    ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 'request.media-type', 415],
    ['too large a body', JSON.stringify('x'.repeat(BODY_LIMIT_BYTES)), JSON_TYPE, 'request.too-large', 413],
    ['very deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, JSON_TYPE, 'request.invalid', 400],
    ['U+0000', `{"id":"${ID}","name":"a\\u0000"}`, JSON_TYPE, 'request.invalid', 400],
    ['half a surrogate pair', `{"id":"${ID}","name":"a\\ud800"}`, JSON_TYPE, 'request.invalid', 400],
  ])('refuses %s', async (_, payload, headers, code, status) => {
    const answer = await post(payload, headers);
    expect(answer.json()).toMatchObject({ statusCode: status, code });
    expect(answer.statusCode).toBe(status);
  });

  it('says what the limit of a body is', async () => {
    const answer = await post(JSON.stringify('x'.repeat(BODY_LIMIT_BYTES)));
    expect(answer.json<{ message: string }>().message).toContain('256 KiB');
  });

  it('takes a body with a byte order mark and a charset', async () => {
    const answer = await post(`\uFEFF{"id":"${ID}","name":"Zoë"}`, {
      'content-type': 'application/json; charset=utf-8',
    });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toEqual({ id: ID, name: 'Zoë' });
  });

  it('validates queries and parameters under their names', async () => {
    expect((await app.inject({ url: '/things?limit=7' })).json()).toEqual({ limit: 7 });
    expect((await app.inject({ url: '/things' })).json()).toEqual({ limit: 20 });
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', 'colour=red']) {
      expect((await app.inject({ url: `/things?${query}` })).statusCode).toBe(400);
    }
    const parameter = await app.inject({ url: '/things/fail/badly' });
    expect(parameter.json()).toMatchObject({ details: [{ field: 'how', value: 'badly' }] });
  });

  it('gives every kind of error one shape, and tells nothing of the inside', async () => {
    const gateway = await app.inject({ url: '/things/fail/gateway' });
    expect(gateway.json()).toEqual({
      statusCode: 503,
      error: 'Service Unavailable',
      message: 'The store is full.',
      code: 'thing.full',
    });
    expect(gateway.headers['retry-after']).toBe('1');
    const nest = await app.inject({ url: '/things/fail/nest' });
    expect(nest.json()).toEqual({ statusCode: 409, error: 'Conflict', message: 'Twice.', code: 'request.conflict' });
    const unknown = await app.inject({ url: '/things/fail/unknown' });
    expect(unknown.json()).toMatchObject({ statusCode: 500, code: 'internal' });
    expect(unknown.body).not.toMatch(/hush|secret/);
  });

  it('tells a wrong path from a wrong method', async () => {
    const path = await app.inject({ url: '/nothing?token=hush' });
    expect(path.json()).toMatchObject({ statusCode: 404, code: 'request.no-such-route' });
    expect(path.body).not.toContain('hush');
    const method = await app.inject({ method: 'DELETE', url: '/things/fail/x' });
    expect(method.json()).toMatchObject({ statusCode: 405, code: 'request.method-not-allowed' });
    expect(method.headers.allow).toBe('GET, HEAD');
  });

  it("keeps a caller's correlation id and makes one otherwise", async () => {
    const kept = await app.inject({ url: '/things', headers: { 'x-correlation-id': 'order-77' } });
    expect(kept.headers['x-correlation-id']).toBe('order-77');
    const made = await app.inject({ url: '/things', headers: { 'x-correlation-id': 'a b' } });
    expect(made.headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.headers).not.toHaveProperty('x-powered-by');
  });
});

describe('the API document', () => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(testConfig()), TelemetryModule, HttpServerModule],
      controllers: [Things],
    }).compile();
    app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(), { ...HTTP_OPTIONS, logger: false });
    serveApiDocs(app);
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());

  it('describes bodies by the schemas that check them', async () => {
    const document = (await (await fetch(`${url}/docs/openapi.json`)).json()) as {
      info: { version: string };
      paths: Record<
        string,
        { post: { requestBody: { content: { 'application/json': { schema: { required: string[] } } } } } }
      >;
    };
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/);
    const schema = document.paths['/things']?.post.requestBody.content['application/json'].schema;
    expect(schema).toMatchObject({ required: ['id', 'name'], additionalProperties: false });
  });

  it('has a page that loads nothing from elsewhere', async () => {
    const html = await (await fetch(`${url}/docs`)).text();
    const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
    expect(sources.length).toBeGreaterThan(2);
    for (const source of sources) {
      const asset = new URL(source, `${url}/docs`);
      expect(asset.origin).toBe(url);
      const answer = await fetch(asset);
      await answer.bytes(); // An answer that is not read keeps its connection, and the server's close waits for it.
      expect({ source, status: answer.status }).toEqual({ source, status: 200 });
    }
    const init = await (await fetch(`${url}/docs/swagger-ui-init.js`)).text();
    expect(init).toContain('"validatorUrl": null');
  });
});
