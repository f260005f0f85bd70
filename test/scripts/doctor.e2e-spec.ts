import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { sql } from 'kysely';
import pg from 'pg';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import type { StorageTarget } from '../../src/config/config.js';
import type { Environment } from '../../src/config/environment.js';
import { MIGRATIONS } from '../../src/storage/migrations/index.js';
import { freshTarget, openDatabase } from '../helpers/databases.js';
import { type DoctorRun, type Examination, examinationOf, runDoctor } from '../helpers/doctor-run.js';
import { DoctorPage } from '../helpers/doctor-page.js';
import { gatewayEnvironment, KEYS } from '../helpers/environment.js';
import { handIn, startGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/process-scene.js';

const SECRETS = {
  GENESYS_CLIENT_SECRET: 'hush-client-secret',
  HISTORY_TOKEN: 'hush-history-token',
  API_KEYS: `bofe:intake:${KEYS.intake}`,
};
const WRONG_SECRET = 'hush-wrong-secret';
const QUERY_SECRET = 'hush-query-value';
const LAST_STEP = Object.keys(MIGRATIONS).at(-1) ?? '';

/** Every output of every run, with what must not be in it. */
const outputs: string[] = [];
const hidden = new Set([...Object.values(SECRETS), KEYS.intake, WRONG_SECRET, QUERY_SECRET]);

const page = new DoctorPage();

/** A sound installation with a migrated database, new for each test, and the doctor that is run on it. */
class Stage {
  simulator!: Simulator;
  fresh!: Awaited<ReturnType<typeof freshTarget>>;
  private environment!: Environment;

  constructor(readonly kind: StorageTarget['kind']) {
    beforeEach(() => this.begin());
    afterEach(() => this.end());
  }

  async run(args: readonly string[] = [], more: Environment = {}): Promise<DoctorRun> {
    const ended = await runDoctor({ ...this.environment, ...more }, args);
    outputs.push(ended.stdout, ended.stderr);
    expect(ended.stderr).toBe('');
    return ended;
  }

  /** By --json, whose exit code must be the process's. */
  async examined(args: readonly string[] = [], more: Environment = {}): Promise<Examination> {
    const ended = await this.run([...args, '--json'], more);
    const examination = examinationOf(ended);
    expect(ended.code).toBe(examination.exitCode);
    return examination;
  }

  /** What the document shows is what it prints. @param others simulators beside the first */
  async shown(name: string, { checks }: Examination, ...others: Simulator[]): Promise<void> {
    await page.shows(name, checks, [this.simulator, ...others], this.fresh.target);
  }

  private async begin(): Promise<void> {
    this.simulator = await startSimulator({
      genesys: { clientSecret: SECRETS.GENESYS_CLIENT_SECRET },
      history: { token: SECRETS.HISTORY_TOKEN },
    });
    this.fresh = await freshTarget(this.kind);
    await (await openDatabase(this.fresh.target)).close();
    this.environment = {
      ...gatewayEnvironment(this.simulator, this.fresh.target, SECRETS),
      HISTORY_URL: `${this.simulator.historyUrl}?key=${QUERY_SECRET}`,
    };
  }

  private async end(): Promise<void> {
    for (const { value } of this.simulator.genesys.tokens.list()) hidden.add(value);
    for (const { id } of this.simulator.genesys.channels()) hidden.add(id);
    await this.simulator.stop();
    await this.fresh.remove();
  }
}

const statuses = ({ checks }: Examination): Record<string, string> =>
  Object.fromEntries(checks.map(({ name, status }) => [name, status]));
const failed = ({ checks }: Examination): string[] =>
  checks.filter(({ status }) => status === 'failure').map(({ name }) => name);

describe.each(['sqlite', 'postgres'] as const)('npm run doctor (%s)', (kind) => {
  const stage = new Stage(kind);

  it('is content with a sound installation, and changes nothing there', async () => {
    const before = await contents(stage.fresh.target);
    expect(before).not.toEqual([]);
    const examination = await stage.examined();
    expect(statuses(examination)).toEqual({
      node: 'ok',
      configuration: 'ok',
      database: 'ok',
      schema: 'ok',
      token: 'ok',
      region: 'ok',
      'bulk look-up': 'ok',
      'single look-up': 'ok',
      topic: 'ok',
      channels: 'ok',
      'new channel': 'skipped',
      conversation: 'skipped',
      history: 'ok',
      sample: 'skipped',
      clocks: 'ok',
    });
    expect(examination.exitCode).toBe(0);
    expect(examination.check('topic')).toMatchObject({
      facts: { permissions: ['analytics:conversationDetail:view'], transports: ['All'] },
    });
    expect(stage.simulator.genesys.requests.filter(({ method }) => method !== 'GET').map(({ path }) => path)).toEqual([
      '/oauth/token',
    ]);
    expect(stage.simulator.history.received).toEqual([]);
    expect(await contents(stage.fresh.target)).toEqual(before);
    if (kind === 'sqlite') await stage.shown('good-health', examination);
  });

  it("tells our channels from somebody else's beside a gateway that runs", async () => {
    const gateway = await startGateway(stage.simulator, stage.fresh.target, SECRETS);
    try {
      await handIn(gateway);
      await eventually(async () => stage.simulator.genesys.topics().length === 1);
      const ours = await stage.examined();
      expect(ours.check('channels')).toMatchObject({ status: 'ok', facts: { inUse: 1, ours: 1, others: 0 } });
      stage.simulator.genesys.registry.create(stage.simulator.genesys.tokens.issue('client_credentials', 3_600));
      const shared = await stage.examined();
      expect(shared.check('channels')).toMatchObject({
        status: 'warning',
        action: expect.stringContaining('CHANNEL_MAX_COUNT to 19'),
        facts: { inUse: 2, ours: 1, others: 1 },
      });
      expect(shared.exitCode).toBe(0);
      expect(stage.simulator.genesys.topics()).toHaveLength(1);
    } finally {
      await gateway.stop();
    }
  });

  it('finds a database read-only', async () => {
    await makeReadOnly(stage.fresh.target);
    const examination = await stage.examined();
    expect(examination.exitCode).toBe(1);
    expect(failed(examination)).toEqual(['database']);
    expect(examination.check('database')).toMatchObject({
      text: expect.stringMatching(/ is read-only \((25006|SQLITE_READONLY)\)$/),
      action: expect.stringContaining('DATABASE_URL'),
    });
    expect(examination.check('schema')).toMatchObject({ status: 'skipped', text: 'needs database' });
    if (kind === 'postgres') await stage.shown('read-only-database', examination);
  });

  it('tells which migrations are pending, and runs none', async () => {
    const database = await openDatabase(stage.fresh.target);
    await sql`delete from kysely_migration where name = ${LAST_STEP}`.execute(database.db);
    await database.close();
    const before = await contents(stage.fresh.target);
    const examination = await stage.examined();
    expect(examination.exitCode).toBe(0);
    expect(examination.check('schema')).toMatchObject({ status: 'warning', facts: { pending: [LAST_STEP] } });
    expect(await contents(stage.fresh.target)).toEqual(before);
  });

  it('takes a database that is still empty, and leaves it so', async () => {
    const empty = await freshTarget(kind);
    try {
      const { DATABASE_URL } = gatewayEnvironment(stage.simulator, empty.target);
      const examination = await stage.examined([], { DATABASE_URL });
      expect(statuses(examination)).toMatchObject({ database: 'ok', schema: 'ok', channels: 'ok' });
      expect(await contents(empty.target)).toEqual([]);
    } finally {
      await empty.remove();
    }
  });

  it('refuses a database of a later version', async () => {
    const database = await openDatabase(stage.fresh.target);
    await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2030')`.execute(database.db);
    await database.close();
    const examination = await stage.examined();
    expect(failed(examination)).toEqual(['schema']);
    expect(examination.check('schema')?.text).toContain('9999-later');
  });
});

describe('npm run doctor at Genesys and at the history service', () => {
  const stage = new Stage('sqlite');

  it('prints the same as text, whole lines into a pipe', async () => {
    const { code, stdout } = await stage.run();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {7}node {11}Node\.js \d/);
    expect(stdout).toContain(
      '\nskipped  sample         sent only with --send-sample: it stays at the history service\n',
    );
    expect(stdout).toMatch(/\n\nNo failure, 0 warnings, 3 skipped\. Exit code 0\.\n$/);
  });

  it('says after a wrong secret that the region may be wrong, too, and skips what needs a token', async () => {
    const examination = await stage.examined([], { GENESYS_CLIENT_SECRET: WRONG_SECRET });
    expect(examination.exitCode).toBe(1);
    expect(failed(examination)).toEqual(['token']);
    const { text, more, action } = examination.check('token')!;
    expect(text).toContain('401 invalid_client: authentication failed');
    expect(more?.[0]).toContain(
      `invalid_client may mean the region, too: asked was ${new URL(stage.simulator.loginUrl).host}`,
    );
    expect(more?.[1]).toContain('mypurecloud.ie');
    expect(action).toContain('region');
    for (const name of ['region', 'channels', 'topic', 'clocks']) {
      expect(examination.check(name)).toMatchObject({ status: 'skipped', text: expect.stringContaining('needs ') });
    }
    expect(examination.check('history')?.status).toBe('ok');
    await stage.shown('wrong-secret', examination);
  });

  it('knows a wrong region by the same answer, and one of two addresses by 401', async () => {
    const other = await startSimulator({ genesys: { clientId: 'somebody', clientSecret: 'hush-somebody' } });
    try {
      const both = { GENESYS_LOGIN_URL: other.loginUrl, GENESYS_API_URL: other.apiUrl };
      const wrong = await stage.examined([], both);
      expect(failed(wrong)).toEqual(['token']);
      expect(wrong.check('token')?.more?.[0]).toContain(`asked was ${new URL(other.loginUrl).host}`);
      const mixed = await stage.examined([], { GENESYS_API_URL: other.apiUrl });
      expect(mixed.exitCode).toBe(1);
      expect(failed(mixed)).toEqual(['region']);
      expect(mixed.check('region')).toMatchObject({
        text: `${other.apiUrl} does not take the token that ${stage.simulator.loginUrl} gave (401)`,
        action: expect.stringContaining('GENESYS_ENVIRONMENT'),
      });
      await stage.shown('wrong-region', wrong, other);
      await stage.shown('two-regions', mixed, other);
    } finally {
      await other.stop();
    }
  });

  it('names the permission that is missing for each look-up', async () => {
    stage.simulator.genesys.faults.failRequests({ status: 403, path: '/api/v2/analytics/' });
    stage.simulator.genesys.faults.failRequests({ status: 403, path: '/api/v2/conversations/' });
    const examination = await stage.examined();
    expect(examination.exitCode).toBe(1);
    expect(failed(examination)).toEqual(['bulk look-up', 'single look-up']);
    expect(examination.check('bulk look-up')?.action).toContain('analytics:conversationDetail:view');
    expect(examination.check('single look-up')?.action).toContain('conversation:communication:view');
    expect(examination.check('topic')).toMatchObject({
      status: 'warning',
      facts: { lacking: ['analytics:conversationDetail:view'] },
    });
    await stage.shown('missing-permission', examination);
  });

  it('uses a channel with --with-channel, and leaves it without topics and socket', async () => {
    const examination = await stage.examined(['--with-channel']);
    expect(examination.check('new channel')).toMatchObject({
      status: 'ok',
      more: [expect.stringMatching(/number 1 of 20, so it evicted none.* up to 24 h/)],
    });
    expect(stage.simulator.genesys.channels()).toEqual([expect.objectContaining({ connected: false, topics: [] })]);
    const kinds = stage.simulator.genesys.frames.map(({ direction }) => direction);
    expect(kinds).toEqual(expect.arrayContaining(['in', 'out']));
    expect(stage.simulator.genesys.requests.filter(({ method }) => method === 'POST').map(({ path }) => path)).toEqual([
      '/oauth/token',
      '/api/v2/notifications/channels',
      expect.stringMatching(/\/subscriptions\?ignoreErrors=true$/),
    ]);
  });

  it('tells that the topic is refused, and that no socket comes about', async () => {
    stage.simulator.genesys.configure({ forbiddenTopics: ['*.acw'] });
    const refused = await stage.examined(['--with-channel']);
    expect(failed(refused)).toEqual(['new channel']);
    expect(refused.check('new channel')?.text).toContain('does not have permissions required');
    stage.simulator.genesys.configure({ forbiddenTopics: [] });
    stage.simulator.genesys.faults.refuseUpgrade({ status: 503 });
    const noSocket = await stage.examined(['--with-channel']);
    expect(failed(noSocket)).toEqual(['new channel']);
    expect(noSocket.check('new channel')).toMatchObject({
      text: expect.stringContaining('upgrade refused with 503'),
      action: expect.stringContaining('WebSockets'),
    });
  });

  it('warns of full channels, and evicts none, whatever it was asked for', async () => {
    const token = stage.simulator.genesys.tokens.issue('client_credentials', 3_600);
    const ids = Array.from({ length: 20 }, () => stage.simulator.genesys.registry.create(token).id);
    for (const id of ids) hidden.add(id);
    const examination = await stage.examined(['--with-channel']);
    expect(examination.exitCode).toBe(1);
    expect(failed(examination)).toEqual(['channels', 'new channel']);
    expect(examination.check('channels')).toMatchObject({ facts: { inUse: 20, ours: 0, others: 20 } });
    expect(stage.simulator.genesys.channels().map(({ id }) => id)).toEqual(ids);
    await stage.shown('full-channels', examination);
  });

  it('shows the record of a conversation, and only when asked for', async () => {
    const id = randomUUID();
    const userId = randomUUID();
    stage.simulator.genesys.conversations.finishWork(id, {
      userId,
      wrapupCode: 'sold',
      wrapupNotes: 'Customer is glad',
    });
    const { stdout } = await stage.run();
    expect(stdout).not.toContain('Customer is glad');
    const examination = await stage.examined(['--conversation', id.toUpperCase()]);
    const { status, more, facts } = examination.check('conversation')!;
    expect(status).toBe('ok');
    expect(more?.[0]).toBe('Data of a customer, shown because --conversation asked for it:');
    expect(facts).toMatchObject({
      records: [
        {
          customerId: '(of the interaction)',
          conversationId: id,
          agentId: userId,
          obtainedBy: 'lookup',
          wrapup: { code: 'sold', notes: 'Customer is glad' },
        },
      ],
    });
    const unknown = await stage.examined(['--conversation', randomUUID()]);
    expect(unknown.check('conversation')).toMatchObject({
      status: 'warning',
      text: expect.stringContaining('Genesys knows no conversation'),
    });
  });

  it('sends a sample with --send-sample, marked as one and under a key of its own', async () => {
    const first = await stage.examined(['--send-sample']);
    const again = await stage.examined(['--send-sample']);
    expect(statuses(first)['sample']).toBe('ok');
    const keys = [first, again].map((each) => each.check('sample')?.facts?.['idempotencyKey']);
    expect([...stage.simulator.history.records.keys()]).toEqual(keys);
    expect([...stage.simulator.history.records.values()]).toEqual([
      expect.objectContaining({ customerId: 'genesys-gateway-sample', attributes: { sample: 'true' } }),
      expect.objectContaining({ recordId: keys[1] }),
    ]);
  });

  it('tells a history service that refuses from one that cannot be reached', async () => {
    const away = await stage.examined(['--send-sample'], { HISTORY_URL: 'http://127.0.0.1:9/records' });
    expect(away.exitCode).toBe(1);
    expect(failed(away)).toEqual(['history']);
    expect(away.check('history')?.text).toBe(
      'http://127.0.0.1:9/records cannot be reached: no connection to 127.0.0.1:9 (ECONNREFUSED)',
    );
    expect(away.check('sample')).toMatchObject({ status: 'skipped', text: 'needs history' });
    await stage.shown('unreachable-history', away);
    const refused = await stage.examined(['--send-sample'], { HISTORY_TOKEN: WRONG_SECRET });
    expect(failed(refused)).toEqual(['sample']);
    expect(refused.check('sample')?.text).toContain('the history service answered 401: check HISTORY_TOKEN');
  });

  it('lists all that is wrong with the configuration, and ends with 78', async () => {
    const examination = await stage.examined([], { PORT: 'many', HISTORY_URL: '', HISTROY_URL: 'http://127.0.0.1:9/' });
    expect(examination.exitCode).toBe(78);
    expect(failed(examination)).toEqual(['configuration']);
    expect(examination.check('configuration')?.more).toEqual([
      expect.stringMatching(/^PORT="many": /),
      expect.stringMatching(/^HISTORY_URL: is missing/),
      'HISTROY_URL is set, but no variable has this name; is HISTORY_URL meant?',
    ]);
    expect(examination.check('database')).toMatchObject({ status: 'skipped', text: 'needs configuration' });
  });

  it('tells how far the clocks are apart', async () => {
    stage.simulator.genesys.configure({ clockOffsetMs: -20_000 });
    expect((await stage.examined()).check('clocks')).toMatchObject({
      status: 'warning',
      text: expect.stringMatching(/Genesys' is (19|20|21) s behind ours/),
    });
    stage.simulator.genesys.configure({ clockOffsetMs: 3_600_000 });
    const far = await stage.examined();
    expect(failed(far)).toEqual(['clocks']);
    expect(far.check('clocks')?.text).toMatch(/(3599|3600|3601) s ahead of ours/);
  });
});

describe('npm run doctor with nothing to talk to', () => {
  let folder: string;
  const nowhere: Environment = {
    ...SECRETS,
    GENESYS_LOGIN_URL: 'http://127.0.0.1:9',
    GENESYS_API_URL: 'http://127.0.0.1:9',
    GENESYS_CLIENT_ID: 'client',
    GENESYS_GRANT: 'client-credentials',
    HISTORY_URL: 'http://127.0.0.1:9/records',
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-doctor-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function examined(more: Environment): Promise<Examination> {
    const ended = await runDoctor({ ...nowhere, DATABASE_URL: `file:${join(folder, 'none.db')}`, ...more }, ['--json']);
    outputs.push(ended.stdout, ended.stderr);
    const examination = examinationOf(ended);
    expect(ended.code).toBe(examination.exitCode);
    return examination;
  }

  const saml = {
    GENESYS_GRANT: 'saml2-bearer',
    GENESYS_ORG_NAME: 'demo-org',
    GENESYS_SAML_ISSUER: 'issuer',
    GENESYS_SAML_NAME_ID: 'service@example.com',
    GENESYS_SAML_AUDIENCE: 'audience',
  };
  const fileOf = (name: string): string => new URL(`../../src/auth/testing/${name}`, import.meta.url).pathname;

  it('finds a certificate that does not fit the key, and an assertion that has expired', async () => {
    const other = new URL('../helpers/certificates/push.cert.pem', import.meta.url).pathname;
    const pair = await examined({
      ...saml,
      GENESYS_SAML_KEY_FILE: fileOf('idp.key.pem'),
      GENESYS_SAML_CERT_FILE: other,
    });
    expect(pair.check('assertion')).toMatchObject({
      status: 'failure',
      text: expect.stringContaining('does not belong to the key'),
    });
    expect(pair.check('token')).toMatchObject({ status: 'skipped', text: 'needs assertion' });
    const assertion = join(folder, 'assertion.xml');
    await writeFile(assertion, '<Assertion><Conditions NotOnOrAfter="2020-01-01T00:00:00Z"/></Assertion>');
    const expired = await examined({
      GENESYS_GRANT: 'saml2-bearer',
      GENESYS_ORG_NAME: 'demo-org',
      GENESYS_SAML_ASSERTION_FILE: assertion,
    });
    expect(expired.check('assertion')).toMatchObject({
      status: 'failure',
      text: expect.stringContaining('expired at 2020'),
    });
    const fits = await examined({
      ...saml,
      GENESYS_SAML_KEY_FILE: fileOf('idp.key.pem'),
      GENESYS_SAML_CERT_FILE: fileOf('idp.cert.pem'),
    });
    expect(fits.check('assertion')).toMatchObject({
      status: 'ok',
      text: expect.stringContaining('fits and is good until'),
    });
    expect(fits.check('token')).toMatchObject({ status: 'failure', text: expect.stringContaining('ECONNREFUSED') });
  });

  it('ends with 78 for files that the gateway would not start with', async () => {
    const [mapping, providers] = [join(folder, 'mapping.jsonata'), join(folder, 'providers.json')];
    await writeFile(mapping, '{ "id": ');
    await writeFile(providers, '[]');
    const examination = await examined({ HISTORY_MAPPING_FILE: mapping, PUSH_PROVIDERS_FILE: providers });
    expect(examination.exitCode).toBe(78);
    expect(examination.check('mapping')).toMatchObject({
      status: 'failure',
      text: expect.stringContaining('HISTORY_MAPPING_FILE'),
    });
    expect(examination.check('push files')).toMatchObject({
      status: 'failure',
      text: expect.stringContaining('PUSH_PROVIDERS_FILE'),
    });
    await writeFile(mapping, '{ "id": recordId }');
    await writeFile(providers, '{}');
    const sound = await examined({ HISTORY_MAPPING_FILE: mapping, PUSH_PROVIDERS_FILE: providers });
    expect([sound.check('mapping')?.status, sound.check('push files')?.status]).toEqual(['ok', 'ok']);
  });

  it.each([
    [['--bogus'], "Unknown option '--bogus'"],
    [['now'], "Unexpected argument 'now'"],
    [['--conversation', 'x'], '--conversation takes the id of a conversation (a UUID), not "x".'],
    [['--conversation'], 'argument missing'],
  ])('refuses %j with a sentence', async (args, sentence) => {
    const { code, stdout, stderr } = await runDoctor({}, args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
  });

  it('tells how it is used', async () => {
    const { code, stdout } = await runDoctor({}, ['--help']);
    expect(code).toBe(0);
    for (const option of ['--with-channel', '--conversation <id>', '--send-sample', '--json', 'evicts']) {
      expect(stdout).toContain(option);
    }
  });

  it('has printed none of the secrets in all these runs', () => {
    expect(outputs.length).toBeGreaterThan(40);
    expect(hidden.size).toBeGreaterThan(30);
    const all = outputs.join('\n');
    for (const secret of hidden) {
      expect(all).not.toContain(secret);
      expect(all).not.toContain(Buffer.from(secret).toString('base64').slice(0, -3));
    }
    expect(all).not.toContain('streaming-0-');
  });
});

/** All tables and what could tell of a visit in them; nothing where there is not even a file. */
async function contents(target: StorageTarget): Promise<unknown> {
  const tables = `select name from sqlite_master where type = 'table' order by name`;
  const written = 'select (select at from write_probe) as at, (select count(*) from kysely_migration) as steps';
  if (target.kind === 'sqlite') {
    if (!existsSync(target.file)) return [];
    const database = new BetterSqlite3(target.file, { readonly: true });
    try {
      return [...database.prepare(tables).all(), database.prepare(written).get()];
    } finally {
      database.close();
    }
  }
  const client = new pg.Client({ connectionString: target.url });
  await client.connect();
  try {
    const { rows } = await client.query(`select tablename from pg_tables where schemaname = 'public' order by 1`);
    return rows.length === 0 ? [] : [...rows, (await client.query(written)).rows[0]];
  } finally {
    await client.end();
  }
}

/** A file by its header, for which SQLite asks nobody's rights: a version that it may read and not write. */
async function makeReadOnly(target: StorageTarget): Promise<void> {
  if (target.kind === 'sqlite') {
    const file = await open(target.file, 'r+');
    await file.write(Buffer.from([3]), 0, 1, 18);
    await file.close();
    return;
  }
  const client = new pg.Client({ connectionString: target.url });
  await client.connect();
  const name = new URL(target.url).pathname.slice(1);
  await client.query(`alter database ${name} set default_transaction_read_only = on`);
  await client.end();
}
