import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from './config.js';
import { ConfigError } from './config-error.js';
import { parseEnvironment } from './environment.js';
import type { Environment } from './environment.js';

const MINIMAL = {
  API_KEYS: 'bofe:intake:bofe-key-0123456789',
  GENESYS_CLIENT_ID: 'client',
  GENESYS_CLIENT_SECRET: 'hush-client-secret',
  GENESYS_GRANT: 'client-credentials',
  HISTORY_URL: 'https://history.example.com/records',
};

function problemsOf(env: Environment): Record<string, string> {
  try {
    parseEnvironment(env);
  } catch (error) {
    if (error instanceof ConfigError) return Object.fromEntries(error.problems.map((p) => [p.variable, p.allowed]));
    throw error;
  }
  return {};
}

function messageOf(env: Environment): string {
  try {
    parseEnvironment(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.render();
    throw error;
  }
  return '';
}

describe('parseEnvironment', () => {
  it('needs six variables or fewer, and has the defaults of the contract for the others', () => {
    expect(parseEnvironment(MINIMAL)).toEqual({
      server: { host: '0.0.0.0', port: 3000, requestTimeoutMs: 30_000, maxConnections: 12_000 },
      access: {
        mode: 'api-key',
        keys: [{ name: 'bofe', roles: ['intake'], key: 'bofe-key-0123456789' }],
        metricsPublic: false,
      },
      genesys: {
        loginUrl: 'https://login.mypurecloud.com',
        apiUrl: 'https://api.mypurecloud.com',
        clientId: 'client',
        clientSecret: 'hush-client-secret',
        grant: { kind: 'client-credentials' },
        requestsPerMinute: 300,
        timeoutMs: 16_000,
        stream: 'channels',
      },
      channels: {
        maxTopics: 1000,
        maxCount: 20,
        handOverWaitMaxMs: 50_000,
        heartbeatTimeoutMs: 35_000,
        pingTimeoutMs: 5000,
        replyTimeoutMs: 7000,
        lingerMs: 30_000,
        checkMs: 300_000,
      },
      interactions: {
        ttlMs: 86_400_000,
        lookupSweepMs: 1_800_000,
        retentionMs: 30 * 86_400_000,
        eventBufferMax: 50_000,
      },
      audit: { keptMs: 400 * 86_400_000 },
      history: { url: 'https://history.example.com/records', concurrency: 32, timeoutMs: 10_000 },
      retry: { maxMs: 86_400_000, baseMs: 1000, capMs: 600_000 },
      push: {
        enabled: ['comet', 'httpcb'],
        allowedHosts: [],
        defaultExpireMs: 86_400_000,
        secretKeys: [expect.any(Buffer)],
        secretKeyIsDerived: true,
        signingSecrets: [],
        concurrency: 64,
        timeoutMs: 10_000,
        subscriptionsPerSubscriber: 1_000,
        subscriptionsPerKey: 1_000,
        subscriptionsMax: 1_000_000,
        ratePerSubscriber: 100,
        queuePerSubscriber: 10_000,
      },
      storage: { kind: 'sqlite', file: resolve('data/gateway.db') },
      replica: { leaseMs: 30_000 },
      shutdownGraceMs: 20_000,
      log: { level: 'info', format: 'json' },
    });
  });

  it('lists every problem at once, and says how to see it work', () => {
    const text = messageOf({ PORT: '70000', LOG_LEVEL: 'loud', CHANNEL_MAX_COUNT: '21', HISTORY_URL: 'ftp://x/y' });
    for (const part of [
      'PORT="70000": must be a whole number from 0 to 65,535',
      'LOG_LEVEL="loud": must be one of trace, debug',
      'CHANNEL_MAX_COUNT="21": must be a whole number from 2 to 20',
      'HISTORY_URL="ftp://x/y": must be an http:// or https:// URL',
      'GENESYS_CLIENT_ID: is missing',
      'GENESYS_CLIENT_SECRET: is missing',
      'GENESYS_ORG_NAME: is missing',
      'GENESYS_SAML_ASSERTION_FILE: is missing',
      'API_KEYS: is missing',
    ]) {
      expect(text).toContain(part);
    }
    expect(text.trimEnd().split('\n').at(-1)).toBe('To see it work without any of this, run: npm run demo');
  });

  it('never shows a secret', () => {
    const text = messageOf({
      ...MINIMAL,
      API_KEYS: 'bofe:wizard:hush-key-0123456789',
      HISTORY_TOKEN: 'hush\u0007token',
      DATABASE_URL: 'mysql://me:hush@db/x',
      GENESYS_LOGIN_URL: 'https://me:hush@login.example.com',
      GENESYS_API_URL: 'https://api.example.com/?token=hush',
    });
    for (const name of ['API_KEYS', 'HISTORY_TOKEN', 'DATABASE_URL', 'GENESYS_LOGIN_URL', 'GENESYS_API_URL']) {
      expect(text).toContain(name);
    }
    expect(text).not.toContain('hush');
  });

  it('takes fractions of hours, days and seconds', () => {
    const config = parseEnvironment({
      ...MINIMAL,
      INTERACTION_TTL_HOURS: '0.001',
      LOOKUP_SWEEP_S: '0.5',
      SHUTDOWN_GRACE_S: '0',
    });
    expect(config.interactions).toMatchObject({ ttlMs: 3600, lookupSweepMs: 500 });
    expect(config.shutdownGraceMs).toBe(0);
  });

  it.each([
    ['PORT', '3e3'],
    ['PORT', '-1'],
    ['RETRY_MAX_HOURS', 'NaN'],
    ['HISTORY_TIMEOUT_MS', '1.5'],
    ['GENESYS_ENVIRONMENT', 'https://mypurecloud.ie'],
    ['GENESYS_ENVIRONMENT', 'api.mypurecloud.ie'],
    ['GENESYS_LOGIN_URL', 'login.example.com'],
    ['DATABASE_URL', 'file:'],
    ['DATABASE_URL', 'gateway.db'],
    ['DATABASE_URL', 'file::memory:'],
    ['PUSH_ENABLED', 'comet,pigeon'],
    ['PUSH_ENABLED', 'comet,none'],
    ['PUSH_ALLOWED_HOSTS', 'http://x'],
    ['METRICS_PUBLIC', 'yes'],
    ['RETRY_CAP_MS', '10'],
    ['AUTH_MODE', 'none'],
    ['HISTORY_MAPPING_FILE', '/does/not/exist.jsonata'],
  ])('refuses %s=%s', (name, value) => {
    expect(Object.keys(problemsOf({ ...MINIMAL, [name]: value }))).toEqual([name]);
  });

  it('drops trailing slashes of base URLs and keeps the history URL as it is', () => {
    const config = parseEnvironment({
      ...MINIMAL,
      GENESYS_API_URL: 'http://127.0.0.1:4000/',
      HISTORY_URL: 'http://h/x/?tenant=1',
    });
    expect(config.genesys.apiUrl).toBe('http://127.0.0.1:4000');
    expect(config.history.url).toBe('http://h/x/?tenant=1');
  });

  it('counts an empty variable as unset', () => {
    expect(parseEnvironment({ ...MINIMAL, PORT: '', HISTORY_TOKEN: '  ' })).toMatchObject({ server: { port: 3000 } });
  });

  it('tells the two databases apart', () => {
    const storage = (url: string): unknown => parseEnvironment({ ...MINIMAL, DATABASE_URL: url }).storage;
    expect(storage('file:///var/lib/gateway.db')).toEqual({ kind: 'sqlite', file: '/var/lib/gateway.db' });
    expect(storage('postgres://u:p@db:5432/gateway')).toEqual({
      kind: 'postgres',
      url: 'postgres://u:p@db:5432/gateway',
      poolSize: 10,
    });
  });

  it('turns the Notification API off', () => {
    expect(parseEnvironment({ ...MINIMAL, PUSH_ENABLED: 'none' }).push.enabled).toEqual([]);
  });

  it('works without keys when asked to', () => {
    expect(parseEnvironment({ ...MINIMAL, API_KEYS: '', AUTH_MODE: 'none' }).access).toMatchObject({
      mode: 'none',
      keys: [],
    });
  });
});

describe('API_KEYS', () => {
  it('reads names, roles and keys, of which the key may hold colons', () => {
    const { access } = parseEnvironment({ ...MINIMAL, API_KEYS: 'bofe:intake:aaa:bbb, ops:admin+publish:ccc' });
    expect(access.keys).toEqual([
      { name: 'bofe', roles: ['intake'], key: 'aaa:bbb' },
      { name: 'ops', roles: ['admin', 'publish'], key: 'ccc' },
    ]);
  });

  it.each([
    'bofe',
    'bofe:intake',
    'bofe:intake:',
    ':intake:key',
    'bofe:root:key',
    'bofe::key',
    'a:intake:k,a:admin:l',
    'a:intake:k,b:admin:k',
  ])('refuses %s', (value) => {
    expect(Object.keys(problemsOf({ ...MINIMAL, API_KEYS: value }))).toEqual(['API_KEYS']);
  });

  it('knows all roles', () => {
    const roles = 'intake+publish+events+viewer+operator+privacy+metrics+admin';
    const { access } = parseEnvironment({ ...MINIMAL, API_KEYS: `all:${roles}:key` });
    expect(access.keys[0]?.roles).toEqual(roles.split('+'));
  });

  it.each([
    [
      'a:intake:k,bofe:intke:hush',
      'entry 2 ("bofe") names a role that does not exist, the first of its roles; must be',
    ],
    ['bofe:intake+wizard:hush', 'entry 1 ("bofe") names a role that does not exist, the second of its roles; must be'],
    ['a:intake:k,hush9f8e7d6c5b4a', 'entry 2 has fewer than two colons; must be'],
    ['ops_2:viewer:', 'entry 1 ("ops_2") has no key; must be'],
    ['ops:viewer:hush hush', 'entry 1 ("ops") has a key with characters other than printable ASCII, or with more'],
    [':intake:hush', 'entry 1 has no name of 1 to 64 letters'],
    ['hush-9f8e7d6c5b4a:bofe:intake', 'entry 1 names a role that does not exist, the first of its roles; must be'],
    [
      'bofe:nobody:hush,ops:hush',
      'entry 1 ("bofe") names a role that does not exist, the first of its roles, entry 2 ("ops")',
    ],
  ])('says which entry is wrong, and how, without its key: %s', (value, said) => {
    const problem = problemsOf({ ...MINIMAL, API_KEYS: value })['API_KEYS'] ?? '';
    expect(problem).toContain(said);
    expect(problem).not.toContain('hush');
  });
});

describe('the saml2-bearer grant', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-config-'));
  const [assertion, key, cert] = ['assertion.xml', 'saml.key', 'saml.crt'].map((name) => {
    const path = join(folder, name);
    writeFileSync(path, 'x');
    return path;
  }) as [string, string, string];
  const saml = { ...MINIMAL, GENESYS_GRANT: undefined, GENESYS_ORG_NAME: 'acme' };
  const signing = {
    GENESYS_SAML_KEY_FILE: key,
    GENESYS_SAML_CERT_FILE: cert,
    GENESYS_SAML_ISSUER: 'https://idp.example.com',
    GENESYS_SAML_NAME_ID: 'gateway@example.com',
    GENESYS_SAML_AUDIENCE: 'https://login.mypurecloud.com/saml',
  };

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('is the default, with an assertion from a file', () => {
    expect(parseEnvironment({ ...saml, GENESYS_SAML_ASSERTION_FILE: assertion }).genesys.grant).toEqual({
      kind: 'saml2-bearer',
      orgName: 'acme',
      assertion: { kind: 'file', file: assertion },
    });
  });

  it('or with one that the gateway signs', () => {
    expect(parseEnvironment({ ...saml, ...signing }).genesys.grant).toMatchObject({
      assertion: {
        ...{ kind: 'signed', keyFile: key, certFile: cert, nameId: 'gateway@example.com' },
        ...{ envelope: 'response', recipient: undefined },
      },
    });
    const bare = { ...saml, ...signing, GENESYS_SAML_ENVELOPE: 'assertion', GENESYS_SAML_RECIPIENT: 'https://a/saml' };
    expect(parseEnvironment(bare).genesys.grant).toMatchObject({
      assertion: { envelope: 'assertion', recipient: 'https://a/saml' },
    });
    expect(Object.keys(problemsOf({ ...bare, GENESYS_SAML_ENVELOPE: 'soap' }))).toEqual(['GENESYS_SAML_ENVELOPE']);
  });

  it('not with both, and not with half of it', () => {
    expect(problemsOf({ ...saml, ...signing, GENESYS_SAML_ASSERTION_FILE: assertion })).toEqual({
      GENESYS_SAML_ASSERTION_FILE: expect.stringContaining('contradicts GENESYS_SAML_KEY_FILE') as string,
    });
    const half = { ...saml, ...signing, GENESYS_SAML_ISSUER: '', GENESYS_SAML_CERT_FILE: '' };
    expect(Object.keys(problemsOf(half))).toEqual(['GENESYS_SAML_CERT_FILE', 'GENESYS_SAML_ISSUER']);
  });

  it('needs files that can be read', () => {
    expect(problemsOf({ ...saml, GENESYS_SAML_ASSERTION_FILE: join(folder, 'none.xml') })).toEqual({
      GENESYS_SAML_ASSERTION_FILE: 'must be a readable file: it does not exist',
    });
    expect(problemsOf({ ...saml, GENESYS_SAML_ASSERTION_FILE: folder })).toEqual({
      GENESYS_SAML_ASSERTION_FILE: 'must be a readable file: it is not a file',
    });
  });

  it('takes the keys, secrets and files of the Notification API, and derives a key when there is none', () => {
    const push = (more: Environment): Config['push'] => parseEnvironment({ ...MINIMAL, ...more }).push;
    const key = Buffer.alloc(32, 7);
    const secret = Buffer.alloc(24, 9);
    expect(
      push({ PUSH_SECRET_KEYS: key.toString('base64'), PUSH_SIGNING_SECRETS: `whsec_${secret.toString('base64')}` }),
    ).toMatchObject({ secretKeys: [key], secretKeyIsDerived: false, signingSecrets: [secret] });
    const [derived] = push({}).secretKeys;
    expect(derived).toHaveLength(32);
    expect(push({}).secretKeys).toEqual([derived]);
    expect(push({ GENESYS_CLIENT_SECRET: 'another' }).secretKeys).not.toEqual([derived]);
  });

  it.each([
    ['PUSH_SECRET_KEYS', 'c2hvcnQ='],
    ['PUSH_SIGNING_SECRETS', 'whsec_c2hvcnQ='],
    ['PUSH_SIGNING_SECRETS', Buffer.alloc(24).toString('base64')],
    ['PUSH_PROVIDERS_FILE', '/nowhere/providers.json'],
    ['PUSH_LOCALIZATION_FILE', '/nowhere/texts.json'],
    ['PUSH_ENABLED', 'none,ios'],
    ['PUSH_ENABLED', 'sms'],
    ['GENESYS_STREAM', 'both'],
  ])('refuses %s=%s', (name, value) => {
    expect(Object.keys(problemsOf({ ...MINIMAL, [name]: value }))).toEqual([name]);
  });
});
