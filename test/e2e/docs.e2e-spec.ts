import { Routes, type DeclaredRoute } from '../../src/access/routes.service.js';
import { INTERACTION, RESULT } from '../helpers/tables-bodies.js';
import { Stage } from '../helpers/tables-stage.js';

/** The routes of the contract that are served by controllers. */
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
  'get /ops/push/subscriptions',
  'get /health',
  'get /health/live',
  'get /health/ready',
  'get /metrics',
  'get /ops/ledger',
  'get /ops/channels',
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
    expect(init.text).not.toMatch(/https?:\/\//);
  });
});
