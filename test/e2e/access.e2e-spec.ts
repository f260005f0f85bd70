import type { Role } from '../../src/config/config.js';
import { Routes, type DeclaredRoute } from '../../src/access/routes.service.js';
import { routeTableOf } from '../../src/http/fastify-adapter.js';
import { KEYS } from '../helpers/environment.js';
import { INTERNALS, Stage } from '../helpers/tables-stage.js';

type Caller = keyof typeof KEYS;

/** Who may call what, by hand: a route that is missing here fails the test, so that nobody opens one unnoticed. */
const DECLARED: Record<string, readonly Role[] | 'everybody'> = {
  'POST /customers/supportInteraction': ['intake'],
  'GET /customers/supportInteraction': ['intake', 'viewer', 'operator', 'admin'],
  'GET /customers/supportInteraction/:id': ['intake', 'viewer', 'operator', 'admin'],
  'DELETE /customers/supportInteraction/:id': ['intake', 'operator', 'admin'],
  'POST /customers/supportResult': ['intake'],
  'GET /conversations/events': ['publish', 'admin'],
  'POST /genesys/:version/notification/subscription': ['intake', 'publish'],
  'DELETE /genesys/:version/notification/subscription/:id': ['intake', 'publish', 'admin'],
  'DELETE /genesys/:version/notification/subscription/subscriber/:subscriberId': ['intake', 'publish', 'admin'],
  'POST /genesys/:version/notification/publish': ['publish'],
  'POST /genesys/cometd': ['intake', 'publish'],
  'POST /genesys/cometd/*': ['intake', 'publish'],
  'GET /metrics': ['metrics', 'admin'],
  'GET /health': 'everybody',
  'GET /health/live': 'everybody',
  'GET /health/ready': 'everybody',
};
/** Whoever views may look, operators may act too. */
const OPERATIONS = /^(\w+) \/ops(\/.*)?$/;

const ROUTES_OF_DOCS = /^(GET|HEAD) \/docs(\/|$)/;

const NO_KEY = 'This request has no API key; send it as "Authorization: Bearer <key>" or "X-API-Key: <key>".';
const WRONG_KEY = 'The API key of this request is not known; check it against API_KEYS.';
const NAMES: Record<Caller, string> = {
  intake: 'bofe',
  admin: 'operator',
  publish: 'service',
  events: 'bridge',
  viewer: 'wall',
  operator: 'shift',
  privacy: 'dpo',
  metrics: 'prometheus',
};
const rolesOfKey = (caller: Caller): readonly Role[] => (caller === 'privacy' ? ['privacy', 'viewer'] : [caller]);

/** What stands for a key on the way, and whose it is; undefined when nobody's. */
const PRESENTATIONS: [name: string, headers: Record<string, string>, caller: Caller | undefined, message: string][] = [
  ['no key', {}, undefined, NO_KEY],
  ['an empty key', { 'x-api-key': '' }, undefined, NO_KEY],
  ['an empty bearer', { authorization: 'Bearer ' }, undefined, NO_KEY],
  ['another scheme', { authorization: `Basic ${KEYS.admin}` }, undefined, NO_KEY],
  ['a wrong key', { authorization: 'Bearer nobody-key-0123456789abcdef' }, undefined, WRONG_KEY],
  ['the beginning of a key', { 'x-api-key': KEYS.admin.slice(0, -1) }, undefined, WRONG_KEY],
  ['a key in upper case', { 'x-api-key': KEYS.admin.toUpperCase() }, undefined, WRONG_KEY],
  ['a wrong bearer beside a right key', { authorization: 'Bearer x', 'x-api-key': KEYS.admin }, undefined, WRONG_KEY],
  ['a right bearer beside a wrong key', { authorization: `Bearer ${KEYS.admin}`, 'x-api-key': 'x' }, 'admin', ''],
  ['lower-case bearer', { authorization: `bearer ${KEYS.admin}` }, 'admin', ''],
  ...(Object.keys(KEYS) as Caller[]).flatMap((caller): (typeof PRESENTATIONS)[number][] => [
    [`${caller} as bearer`, { authorization: `Bearer ${KEYS[caller]}` }, caller, ''],
    [`${caller} as X-API-Key`, { 'x-api-key': KEYS[caller] }, caller, ''],
  ]),
];

function allowedOn({ method, path }: DeclaredRoute): readonly Role[] | 'everybody' | undefined {
  const name = `${method} ${path}`;
  if (DECLARED[name] !== undefined || !OPERATIONS.test(name)) return DECLARED[name];
  return method === 'GET' ? ['viewer', 'operator', 'admin'] : ['operator', 'admin'];
}

function rolesOf({ access }: DeclaredRoute): readonly string[] | 'everybody' | undefined {
  return access?.kind === 'roles' ? access.roles : access && 'everybody';
}

/** A call that passes the guard fails afterwards (no such id, no body), and changes nothing; 400 and 404 are passed. */
async function call(stage: Stage, { method, path }: DeclaredRoute, headers: Record<string, string>) {
  const address = path.replace(/:\w+/g, '00000000-0000-4000-8000-000000000000');
  return stage.ask(address, { method, headers, as: 'nobody' });
}

/** What errors below /genesys/ have besides. */
function exceptionOn({ path }: DeclaredRoute, name: string): { exception?: string } {
  if (!path.startsWith('/genesys/')) return {};
  return { exception: `com.genesyslab.gsg.services.notification.${name}Exception` };
}

function routesOf(stage: Stage): DeclaredRoute[] {
  // A stream does not end by itself; its key is asked for in front of it all the same, by the refusals below.
  return stage.gateway.app.get(Routes).list();
}

const isStream = ({ path }: DeclaredRoute): boolean => path === '/ops/events';

describe('who may call what', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterAll(() => stage.stop());

  it('every route declares it, and as the contract does', () => {
    const routes = routesOf(stage);
    expect(routes.length).toBeGreaterThanOrEqual(14);
    for (const route of routes) {
      const name = `${route.method} ${route.path}`;
      expect({ name, for: rolesOf(route) }).toEqual({ name, for: allowedOn(route) });
    }
    for (const name of Object.keys(DECLARED))
      expect(routes.map(({ method, path }) => `${method} ${path}`)).toContain(name);
  });

  it('the router knows no route that did not declare it, but the documentation', () => {
    const declared = routesOf(stage).map(({ method, path }) => `${method} ${path}`);
    const table = routeTableOf(stage.gateway.app.getHttpAdapter().getInstance());
    const served = table?.list() ?? [];
    expect(served).toEqual(expect.arrayContaining(declared));
    const asGet = (route: string): string => route.replace(/^HEAD /, 'GET ');
    expect(served.filter((route) => !declared.includes(asGet(route)) && !ROUTES_OF_DOCS.test(route))).toEqual([]);
  });

  it.each(PRESENTATIONS)('%s', async (_, headers, caller, message) => {
    for (const route of routesOf(stage)) {
      const allowed = allowedOn(route) ?? [];
      const passes =
        allowed === 'everybody' || (caller !== undefined && rolesOfKey(caller).some((role) => allowed.includes(role)));
      if (passes && isStream(route)) continue;
      const answer = await call(stage, route, headers);
      const where = `${route.method} ${route.path}`;
      expect(answer.text).not.toMatch(/-key-0123456789/);
      if (passes) {
        expect({ where, code: answer.body.code }).not.toMatchObject({ code: expect.stringMatching(/^access\./) });
        expect({ where, status: [200, 202, 400, 404].includes(answer.status) }).toEqual({ where, status: true });
      } else if (caller === undefined) {
        const body = {
          statusCode: 401,
          error: 'Unauthorized',
          code: 'access.unauthenticated',
          message,
          ...exceptionOn(route, 'Unauthorized'),
        };
        expect({ where, status: answer.status, body: answer.body }).toEqual({ where, status: 401, body });
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      } else {
        const roles = `${allowed.length === 1 ? 'the role' : 'one of the roles'} ${allowed.join(', ')}`;
        const forbidden = `This needs ${roles}; the key "${NAMES[caller]}" has ${rolesOfKey(caller).join(', ')}.`;
        const body = {
          statusCode: 403,
          error: 'Forbidden',
          code: 'access.forbidden',
          message: forbidden,
          ...exceptionOn(route, 'Forbidden'),
        };
        expect({ where, status: answer.status, body: answer.body }).toEqual({ where, status: 403, body });
        expect(answer.headers.get('www-authenticate')).toBeNull();
      }
    }
    expect(await stage.total()).toBe(0);
  });

  it('HEAD asks for a key like GET', async () => {
    for (const route of routesOf(stage).filter(({ method }) => method === 'GET')) {
      const answer = await call(stage, { ...route, method: 'HEAD' }, {});
      const expected = allowedOn(route) === 'everybody' ? 200 : 401;
      expect({ path: route.path, status: answer.status }).toEqual({ path: route.path, status: expected });
    }
  });

  it('the documentation is open, and a key is of no use in a query', async () => {
    expect((await stage.ask('/docs', { as: 'nobody' })).status).toBe(200);
    expect((await stage.ask('/docs/openapi.json', { as: 'nobody' })).status).toBe(200);
    const query = await stage.ask(`/ops/ledger?key=${KEYS.admin}&access_token=${KEYS.admin}`, { as: 'nobody' });
    expect(query.status).toBe(401);
    expect(query.text).not.toMatch(INTERNALS);
  });
});

describe.each([
  [
    'METRICS_PUBLIC=true',
    { METRICS_PUBLIC: 'true' },
    (path: string) => path === '/metrics' || path.startsWith('/health'),
  ],
  ['AUTH_MODE=none', { AUTH_MODE: 'none', API_KEYS: '' }, () => true],
])('%s', (_, overrides, isOpen) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.start(overrides);
  });
  afterAll(() => stage.stop());

  it('opens what it says, and nothing else', async () => {
    for (const route of routesOf(stage)) {
      if (isOpen(route.path) && isStream(route)) continue;
      const { status } = await call(stage, route, {});
      const where = `${route.method} ${route.path}`;
      expect({ where, open: status !== 401 && status !== 403 && status < 500 }).toEqual({
        where,
        open: isOpen(route.path),
      });
    }
  });
});
