import { Routes, type DeclaredRoute } from '../../src/access/routes.service.js';
import { INTERACTION, RESULT } from '../helpers/tables-bodies.js';
import { Stage } from '../helpers/tables-stage.js';

/** The routes that the gateway promises, those that controllers serve. */
const CONTRACT = [
  'post /customers/supportInteraction',
  'get /customers/supportInteraction',
  'get /customers/supportInteraction/{id}',
  'delete /customers/supportInteraction/{id}',
  'post /customers/supportResult',
  'post /genesys/{version}/notification/subscription',
  'delete /genesys/{version}/notification/subscription/{id}',
  'delete /genesys/{version}/notification/subscription/subscriber/{subscriberId}',
  'post /genesys/{version}/notification/publish',
  'get /ops/push/ledger',
  'get /ops/push/pending',
  'get /ops/push/subscriptions',
  'get /health',
  'get /health/live',
  'get /health/ready',
  'get /metrics',
  'get /ops/ledger',
  'get /ops/channels',
  'get /ops/clients',
  'get /ops/gaps',
  'get /ops/dead-letters',
  'post /ops/dead-letters/{recordId}/replay',
  'post /ops/dead-letters/replay',
];

const UUID = { type: 'string', format: 'uuid' };
const text = (maxLength: number, minLength = 0) => ({ type: 'string', minLength, maxLength });
const COMMON = {
  conversationId: UUID,
  customerId: text(128, 1),
  agentId: UUID,
  channel: { type: 'string', enum: ['CALL', 'CHAT', 'EMAIL', 'MESSAGE', 'CALLBACK', 'OTHER'] },
  subject: text(256),
  notes: text(4000),
  attributes: { type: 'object', maxProperties: 32, additionalProperties: text(512) },
};

/** Every route but CometD's, which nobody calls without a CometD client. */
function servedBy(stage: Stage): DeclaredRoute[] {
  const routes = stage.gateway.app.get(Routes).list();
  return routes.filter(({ path }) => !path.startsWith('/genesys/cometd'));
}

/* eslint-disable @typescript-eslint/no-explicit-any -- a JSON document, looked at from outside */
describe('the API documentation', () => {
  let stage: Stage;
  let document: any;
  let operations: [name: string, operation: any][];

  beforeAll(async () => {
    stage = await Stage.start();
    document = (await stage.ask('/docs/openapi.json', { as: 'nobody' })).body;
    operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
      Object.entries<any>(methods).map(([method, operation]): [string, any] => [`${method} ${path}`, operation]),
    );
  });
  afterAll(() => stage.stop());

  const operationOf = (name: string): any => operations.find(([each]) => each === name)?.[1];
  const bodyOf = (path: string): any => operationOf(`post ${path}`).requestBody.content['application/json'].schema;

  it('is an OpenAPI 3.0 document', () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.0\.\d$/),
      info: {
        title: 'genesys-gateway',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        license: { name: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    });
    expect(document.info.license).not.toHaveProperty('url', '');
  });

  it('gives every operation an id of its own, described answers and its path parameters', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(operations.length);
    for (const [name, operation] of operations) {
      expect({ name, summary: operation.summary }).toEqual({ name, summary: expect.stringMatching(/.{10}/) });
      expect({ name, answers: Object.keys(operation.responses) }).toEqual({
        name,
        answers: expect.arrayContaining([expect.stringMatching(/^2\d\d$/)]),
      });
      for (const [status, response] of Object.entries<any>(operation.responses)) {
        expect(status).toMatch(/^[2-5]\d\d$/);
        expect(typeof response.description).toBe('string');
      }
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const described = (operation.parameters ?? []).filter((each: any) => each.in === 'path');
      expect({ name, parameters: described.map((each: any) => each.name).sort() }).toEqual({
        name,
        parameters: inPath.sort(),
      });
      for (const each of operation.parameters ?? []) expect(each.schema).toMatchObject({ type: expect.any(String) });
    }
  });

  it('takes the target of an audit row for any text: a list that was shown has no id', () => {
    const { schema } = operationOf('get /ops/audit').responses['200'].content['application/json'];
    expect(schema.properties.items.items.properties.target).toEqual({
      type: 'string',
      description: expect.stringContaining('interactions'),
      example: expect.any(String),
    });
  });

  it('names only codes of the history service that it makes', () => {
    const codes = [...JSON.stringify(document).matchAll(/\bhistory\.[a-z]+[a-z0-9-]*/g)].map(([code]) => code);
    expect(new Set(codes)).toEqual(new Set(['history.http-422']));
  });

  it('refers only to what it holds', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(references.length).toBeGreaterThan(0);
    for (const path of new Set(references)) {
      const target = path.split('/').reduce<any>((here, key) => here?.[key], document);
      expect({ path, found: target !== undefined }).toEqual({ path, found: true });
    }
  });

  it('holds every route of the contract, and every one that is served', () => {
    const names = operations.map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining(CONTRACT));
    const served = servedBy(stage);
    for (const { method, path } of served) {
      expect(names).toContain(`${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`);
    }
    expect(names).toHaveLength(served.length);
  });

  it('says which routes need a key, and how it travels', () => {
    for (const { method, path, access } of servedBy(stage)) {
      const name = `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`;
      const { security, responses } = operationOf(name);
      const expected = access?.kind === 'public' ? undefined : [{ apiKey: [] }, { bearer: [] }];
      const sorted = security && [...security].sort((a, b) => (Object.keys(a) > Object.keys(b) ? 1 : -1));
      expect({ name, security: sorted }).toEqual({ name, security: expected });
      if (expected) expect(responses).toMatchObject({ 401: {}, 403: {}, 503: {} });
    }
  });

  it('describes the bodies with their limits', () => {
    expect(bodyOf(INTERACTION.path)).toMatchObject({
      type: 'object',
      required: ['conversationId', 'customerId'],
      additionalProperties: false,
      properties: COMMON,
    });
    expect(Object.keys(bodyOf(INTERACTION.path).properties)).toEqual(Object.keys(COMMON));
    expect(bodyOf(RESULT.path)).toMatchObject({
      required: ['conversationId', 'customerId', 'wrapupCode'],
      additionalProperties: false,
      properties: {
        ...COMMON,
        direction: { type: 'string', enum: ['INBOUND', 'OUTBOUND'] },
        wrapupCode: text(256, 1),
        wrapupNotes: text(4000),
        wrapupDurationMs: { type: 'integer', minimum: 0, maximum: 604_800_000 },
        endedAt: { type: 'string', format: 'date-time' },
      },
    });
  });

  it('describes the numbers of queries as numbers, with their limits', () => {
    const limit = operationOf('get /customers/supportInteraction').parameters.find(
      (each: any) => each.name === 'limit',
    );
    expect(limit).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
    });
  });

  it.each([INTERACTION, RESULT])('describes what POST $path answers, errors too', async ({ path, valid }) => {
    const { responses } = operationOf(`post ${path}`);
    expect(Object.keys(responses).sort()).toEqual(['200', '202', '400', '401', '403', '409', '413', '415', '503']);
    const answer = await stage.post(path, { conversationId: '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1', ...valid });
    for (const status of ['200', '202']) {
      const { schema } = responses[status].content['application/json'];
      expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(answer.body).sort());
    }
    const error = (await stage.post(path, {})).body;
    const { schema } = responses['400'].content['application/json'];
    expect(schema).toEqual({ $ref: '#/components/schemas/Error' });
    expect(Object.keys(document.components.schemas.Error.properties).sort()).toEqual(Object.keys(error).sort());
  });

  it('describes the errors of the Notification API, which name an exception', async () => {
    const path = '/genesys/{version}/notification/subscription';
    const { responses } = operationOf(`post ${path}`);
    expect(Object.keys(responses).sort()).toEqual(['200', '400', '401', '403', '404', '413', '415', '429', '503']);
    const error = (await stage.post('/genesys/1/notification/subscription', {})).body;
    const { schema } = responses['400'].content['application/json'];
    expect(schema).toEqual({ $ref: '#/components/schemas/NotificationError' });
    expect(Object.keys(document.components.schemas.NotificationError.properties).sort()).toEqual(
      Object.keys(error).sort(),
    );
  });

  it('describes every field of an interaction', async () => {
    const attributes = { caseId: '88' };
    const full = {
      channel: 'CALL',
      subject: 's',
      notes: 'n',
      attributes,
      agentId: '4fce4357-7abc-44b9-81e5-64e1e9e0ccf2',
    };
    const posted = await stage.post(INTERACTION.path, {
      ...full,
      conversationId: crypto.randomUUID(),
      customerId: 'C-1',
    });
    const { body } = await stage.ask(`${INTERACTION.path}/${posted.body.id}`, { method: 'DELETE' });
    const { schema } = operationOf('get /customers/supportInteraction/{id}').responses['200'].content[
      'application/json'
    ];
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(body)));
    expect(Object.keys(body)).toEqual(expect.arrayContaining(schema.required));
  });

  describe('has real examples', () => {
    /** What Swagger UI would show of an answer or a body, or why it would show nothing of use. */
    const rendered = (media: any): unknown => {
      const [first] = Object.values<any>(media.examples ?? {});
      return first?.value ?? media.example ?? sampleOf(media.schema, document);
    };
    /** Every complaint names the route and says what to add, and where. */
    const complaint = (where: string, content: any, remedy: string): string[] => {
      const [type, media]: [string, any] = Object.entries<any>(content ?? {})[0] ?? ['', undefined];
      if (media?.schema === undefined) return [`${where} has no schema: ${remedy}`];
      const shown = rendered(media);
      if (shown === undefined) return [`${where} has no example: ${remedy}`];
      if (mentionsString(shown)) return [`${where} (${type}) shows "string" as an example: ${remedy}`];
      return [];
    };

    it('of every answer', () => {
      const success =
        "add @ApiOkResponse({ schema: schemaOf(EXAMPLE) }) of src/http/example-schema.ts in the folder's *.docs.ts";
      const refusal =
        "declare it by @ApiProblem(description, new TheError(…)) of src/http/problem-docs.ts in the folder's *.docs.ts";
      const complaints = operations.flatMap(([name, { responses }]) =>
        Object.entries<any>(responses).flatMap(([status, { content }]) =>
          complaint(`${status} of ${name}`, content, Number(status) < 400 ? success : refusal),
        ),
      );
      expect(complaints).toEqual([]);
    });

    it('of every body that is taken', () => {
      const remedy = "add .meta({ example: {…} }) to the body's schema in its *.schemas.ts";
      const complaints = operations.flatMap(([name, { requestBody }]) =>
        requestBody === undefined ? [] : complaint(`the body of ${name}`, requestBody.content, remedy),
      );
      expect(complaints).toEqual([]);
    });

    it('of errors, with the status under which they stand and the exception where one is promised', () => {
      for (const [name, { responses }] of operations) {
        for (const [status, { content }] of Object.entries<any>(responses)) {
          const examples = Object.values<any>(content['application/json']?.examples ?? {});
          if (Number(status) < 400 || name.endsWith('/health') || name.endsWith('/health/ready')) continue;
          expect({ name, status, examples: examples.length > 0 }).toEqual({ name, status, examples: true });
          for (const { value } of examples) {
            expect({ name, ...value }).toMatchObject({ name, statusCode: Number(status), code: expect.any(String) });
            expect({ name, exception: 'exception' in value }).toEqual({
              name,
              exception: name.includes('/notification/'),
            });
          }
        }
      }
    });

    it('that the gateway takes as they stand', async () => {
      for (const [name, { requestBody }] of operations) {
        const [method, path = ''] = name.split(' ');
        // Those of the operations name dead letters, and there are none.
        if (method !== 'post' || requestBody === undefined || path.startsWith('/ops/')) continue;
        const example = rendered(requestBody.content['application/json']) as object;
        const as = path.endsWith('/publish') ? 'publish' : 'intake';
        const { status, body } = await stage.post(path.replace('{version}', '1'), example, { as });
        expect({ name, status, body }).toMatchObject({ name, body: { id: expect.any(String) } });
        expect([200, 202]).toContain(status);
      }
    });
  });

  it('says of a file that the page does not have that it is not there', async () => {
    const { status, body } = await stage.ask('/docs/json', { as: 'nobody' });
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'request.no-such-route' });
  });

  it('has a page that needs nothing from another host', async () => {
    const page = await stage.ask('/docs', { as: 'nobody' });
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const sources = [...page.text.matchAll(/(?:src|href)\s*=\s*["']([^"']+)["']/g)].map(([, source]) => source ?? '');
    expect(sources.length).toBeGreaterThan(2);
    for (const source of sources) {
      const asset = new URL(source, `${stage.gateway.url}/docs`);
      expect({ source, origin: asset.origin }).toEqual({ source, origin: stage.gateway.url });
      const { status } = await stage.ask(asset.pathname, { as: 'nobody' });
      expect({ source, status }).toEqual({ source, status: 200 });
    }
    // The namespaces of SVG are names that look like addresses.
    expect(page.text.replace(/xmlns(:\w+)?="[^"]+"/g, '')).not.toMatch(/(?:https?:)?\/\/[a-z0-9-]+\.[a-z]/i);
    const init = await stage.ask('/docs/swagger-ui-init.js', { as: 'nobody' });
    expect(init.text).toContain('"validatorUrl": null');
    // Hosts in the API's own examples are named with the reserved end .example, and nothing asks them.
    expect(init.text.replace(/https:\/\/crm\.example\b/g, '')).not.toMatch(/https?:\/\//);
  });
});

/** As Swagger UI makes an example of a schema that has none: by default, first value, format, and otherwise the type's name. */
function sampleOf(schema: any, document: any): unknown {
  if (schema.$ref !== undefined) {
    return sampleOf(document.components.schemas[schema.$ref.split('/').at(-1)], document);
  }
  const given = schema.example ?? schema.default ?? schema.enum?.[0];
  if (given !== undefined) return given;
  const [first] = schema.oneOf ?? schema.anyOf ?? [];
  if (first !== undefined) return sampleOf(first, document);
  if (schema.type === 'array') return [sampleOf(schema.items ?? {}, document)];
  if (schema.type === 'object') {
    const fields = Object.entries<any>(schema.properties ?? {}).map(([name, each]) => [name, sampleOf(each, document)]);
    const more =
      typeof schema.additionalProperties === 'object' ? sampleOf(schema.additionalProperties, document) : undefined;
    return { ...Object.fromEntries(fields), ...(more === undefined ? {} : { additionalProp1: more }) };
  }
  return schema.type === 'string' ? (schema.format ?? 'string') : schema.type;
}

function mentionsString(shown: unknown): boolean {
  if (typeof shown === 'object' && shown !== null) return Object.values(shown).some(mentionsString);
  return shown === 'string';
}
