import { KEYS } from '../../helpers/environment.js';
import type { Rig } from '../rig.js';
import { sized, type Scenario } from '../scenario.js';
import { newItem } from '../traffic.js';
import { withRig } from '../with-rig.js';

/** Routes that answer without a key by contract; all others must refuse. */
const PUBLIC = [/^\/health/, /^\/docs/, /^\/ops$/, /^\/ops\/?(assets|static)/];
const SAMPLE_ID = '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1';

interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
}

async function routesOf(rig: Rig): Promise<Route[]> {
  const document = await rig.callers.call(rig.unit, 'GET', '/docs/openapi.json', { as: 'admin' });
  const paths = (document?.body['paths'] ?? {}) as Record<string, Record<string, unknown>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase() as Route['method'],
      path: path.replaceAll(/\{[^}]+\}/g, SAMPLE_ID),
    })),
  );
}

type Caller = keyof typeof KEYS;

/** Who may call what operators look at and do; undefined for the rest. The key `privacy` may view, too. */
function allowedOn({ method, path }: Route): readonly Caller[] | undefined {
  if (path === '/metrics') return ['metrics', 'admin'];
  if (!path.startsWith('/ops')) return undefined;
  return method === 'GET' ? ['viewer', 'privacy', 'operator', 'admin'] : ['operator', 'admin'];
}

/** Every route of the API document with no key, a wrong key, and each key that lacks the role. */
export const authMatrix: Scenario = {
  name: 'auth-matrix',
  study: [24],
  fault: 'every route without a key, with a wrong one, with tricks in the header; 10,000 guesses',
  databases: ['sqlite'],
  quick: 0.05,
  run: (context) =>
    withRig(context, {}, async (rig) => {
      const all = await routesOf(rig);
      const routes = all.filter(({ path }) => !PUBLIC.some((pattern) => pattern.test(path)));
      rig.expect(routes.length >= 10, `only ${routes.length} guarded routes are in the API document`);
      const tricks = [
        '',
        'Bearer',
        'Bearer ',
        'Bearer null',
        `Basic ${btoa(`bofe:${KEYS.intake}`)}`,
        `Bearer ${KEYS.intake}x`,
        `Bearer ${KEYS.admin.slice(0, -1)}`,
        'Bearer eyJhbGciOiJub25lIn0.e30.',
      ];
      let refused = 0;
      for (const route of routes) {
        for (const authorization of tricks) {
          const status = await statusOf(rig, route, authorization);
          rig.expect(
            status === 401,
            `${route.method} ${route.path} answered ${status} to "${authorization.slice(0, 12)}"`,
          );
          refused += Number(status === 401);
        }
        const allowed = allowedOn(route);
        for (const as of allowed ? (Object.keys(KEYS) as Caller[]) : []) {
          const may = allowed?.includes(as) ?? true;
          // What changes something is only tried by those who may not.
          if (may && route.method !== 'GET') continue;
          const status = await statusOf(rig, route, `Bearer ${KEYS[as]}`);
          rig.expect(
            may ? status !== 403 && status < 500 : status === 403,
            `${route.method} ${route.path} answered ${status} to the key with the role ${as}`,
          );
        }
      }
      const guesses = sized(context, 10_000, 500);
      for (let guess = 0; guess < guesses; guess += 50) {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            statusOf(rig, { method: 'GET', path: '/ops/ledger' }, `Bearer guess-${guess + index}`),
          ),
        );
        rig.expect(
          answers.every((status) => status === 401 || status === 429),
          `a guess was answered ${answers.join(',')}`,
        );
      }
      const [item] = await rig.traffic.pend(1);
      if (item) rig.traffic.finish(item);
      const counts = await rig.verdict(refused + guesses);
      return { ...counts, extra: { ...counts.extra, routes: routes.length, guesses } };
    }),
};

async function statusOf(rig: Rig, { method, path }: Route, authorization: string): Promise<number> {
  const response = await fetch(`${rig.unit.url}${path}`, {
    method,
    headers: {
      ...(authorization && { authorization }),
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(method === 'POST' && { body: '{}' }),
  });
  await response.arrayBuffer();
  return response.status;
}

const CANARY = {
  clientSecret: 'canary-client-secret-71c1',
  historyToken: 'canary-history-token-82d2',
  notes: 'canary-customer-notes-93e3',
  subject: 'canary-customer-subject-a4f4',
  attribute: 'canary-attribute-b5a5',
  customer: 'canary-customer-id-c6b6',
};

/** Secrets and customers' words, marked, through a thousand failures at the chattiest level. */
export const canarySecrets: Scenario = {
  name: 'canary-secrets',
  study: [25],
  fault: '1,000 failures of every kind with marked secrets and customer texts, at LOG_LEVEL=trace',
  databases: ['sqlite', 'postgres'],
  quick: 0.05,
  quickOn: ['sqlite'],
  run: (context) => {
    const said: string[] = [];
    const environment = {
      GENESYS_CLIENT_SECRET: CANARY.clientSecret,
      HISTORY_TOKEN: CANARY.historyToken,
      LOG_LEVEL: 'trace',
    };
    const options = {
      environment,
      genesys: { clientSecret: CANARY.clientSecret },
      onLine: (line: string) => said.push(line),
    };
    return withRig(context, options, async (rig) => {
      const { history, genesys } = rig.simulator;
      const channels: string[] = [];
      genesys.on('channel', ({ channelId }) => channels.push(channelId));
      const total = sized(context, 1_000, 60);
      history.fail({ status: 503, ratio: 0.4 });
      history.fail({ status: 400, ratio: 0.05 });
      const items = Array.from({ length: total }, () => newItem('canary'));
      for (const item of items) {
        const { notes, subject, attribute, customer } = CANARY;
        await rig.traffic.handIn(item, { notes, subject, customerId: customer, attributes: { caseId: attribute } });
      }
      await rig.until(() => genesys.topics().length === total, 20_000);
      const shown: string[] = [];
      const ask = async (path: string, as: 'admin' | 'intake' = 'admin', body?: object): Promise<void> => {
        const reply = await rig.callers.call(rig.unit, body ? 'POST' : 'GET', path, { as, ...(body && { body }) });
        shown.push(`${path}: ${reply?.text ?? ''}`);
      };
      rig.traffic.finish(...items.slice(0, total / 2));
      genesys.faults.failRequests({ count: 4, status: 500, path: '/api/v2/analytics' });
      genesys.faults.revokeTokens();
      rig.api.drop();
      rig.history.drop();
      if (context.database === 'postgres') await rig.terminateBackends();
      for (const item of items.slice(total / 2)) {
        rig.audit.finish(item);
        rig.simulator.genesys.conversations.finishWork(item.conversationId, {
          wrapupCode: item.code ?? '',
          wrapupNotes: CANARY.notes,
        });
      }
      await rig.until(async () => {
        const ledger = await rig.readLedger();
        return ledger !== undefined && ledger.delivered + ledger.dead === total;
      }, 60_000);
      history.recover();
      for (const path of [
        '/metrics',
        '/ops/dead-letters',
        '/ops/channels',
        '/ops/gaps',
        '/ops/ledger',
        '/health',
        '/ops/events-of-no-such-thing',
      ])
        await ask(path);
      await ask('/customers/supportInteraction', 'intake', {
        customerId: CANARY.customer,
        notes: 7,
        secret: CANARY.notes,
      });
      await ask('/ops/dead-letters/replay', 'admin', { filter: {} });
      const counts = await rig.verdict(total);
      const tokens = [CANARY.clientSecret, CANARY.historyToken, ...Object.values(KEYS), ...channels, 'Bearer '];
      const words = [CANARY.notes, CANARY.subject, CANARY.attribute, CANARY.customer];
      const hits = (texts: readonly string[], marks: readonly string[]): string[] =>
        texts.filter((text) => marks.some((mark) => text.includes(mark))).map((text) => text.slice(0, 200));
      for (const hit of [...hits(said, [...tokens, ...words]), ...hits(shown, [...tokens, ...words])].slice(0, 5))
        rig.expect(false, `a mark shows in: ${hit}`);
      return { ...counts, extra: { ...counts.extra, logLines: said.length } };
    });
  },
};
