import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { GatewayProcess, LogLine } from '../helpers/gateway-process.js';
import { type Accepted, ProcessScene, call, eventually, handIn } from '../helpers/process-scene.js';
import { TcpProxy } from '../helpers/tcp-proxy.js';

/** Long enough for a dozen tries of everything that retries. */
const OUTAGE_MS = 30_000;

/**
 * Each of a dozen parts may say once that it fails, and that it works again. In a day 28 repeats a part come to that: with
 * half a kilobyte a line far below a megabyte.
 */
const MAX_LINES = 40;
const MAX_BYTES = 25_000;

describe('the log of an outage', () => {
  let scene: ProcessScene;
  let proxy: TcpProxy;

  beforeEach(async () => {
    scene = await ProcessScene.open('postgres');
  });

  afterEach(async () => {
    await scene.close();
    await proxy.stop();
  });

  async function through(url: string): Promise<string> {
    const behind = new URL(url);
    proxy = await TcpProxy.start(Number(behind.port));
    behind.port = String(proxy.port);
    return behind.href;
  }

  async function outageOf(gateway: GatewayProcess, meanwhile: () => Promise<unknown>): Promise<LogLine[]> {
    const before = gateway.logs.length;
    proxy.cut();
    for (const end = performance.now() + OUTAGE_MS; performance.now() < end; await sleep(1_000)) await meanwhile();
    proxy.restore();
    return gateway.logs.slice(before);
  }

  function expectFew(lines: readonly LogLine[]): void {
    const told = lines.map((line) => JSON.stringify(line));
    expect({ lines: told.length, told: told.length > MAX_LINES ? told : [] }).toEqual({
      lines: expect.any(Number),
      told: [],
    });
    expect(told.join('\n').length).toBeLessThan(MAX_BYTES);
    expect(told.filter((line) => line.includes('\\n    at '))).toEqual([]);
    expect(lines.filter(({ level, cause }) => level === 'warn' && cause !== undefined).length).toBeGreaterThan(0);
  }

  it('of the database is few lines, with the cause and without stacks', async () => {
    if (scene.target.kind !== 'postgres') throw new Error('not PostgreSQL');
    const gateway = await scene.start({ DATABASE_URL: await through(scene.target.url) });
    const accepted = await scene.accept(gateway);
    await scene.subscribed(accepted);
    const lines = await outageOf(gateway, async () => {
      await Promise.all([handIn(gateway, randomUUID()), call(gateway, 'GET', '/health/ready')]);
    });
    expectFew(lines);
    await eventually(async () => (await call(gateway, 'GET', '/health/ready')).status === 200);
    await gateway.logged(({ msg }) => msg === 'the database: works again');
  }, 90_000);

  /** Each line that tells a beginning has one that tells the end of the same thing. */
  async function expectEnds(gateway: GatewayProcess, before: number): Promise<void> {
    await gateway.logged(({ msg }) => msg === 'the database: works again');
    const beginnings = () => gateway.logs.slice(before).filter(({ level }) => level !== 'info');
    const ends = () => gateway.logs.slice(before).map(({ msg }) => msg);
    const open = () =>
      beginnings()
        .map(({ msg }) => msg)
        .filter((msg) => !ends().includes(msg.replace(/: (still )?failing$/, ': works again')));
    await eventually(async () => open().length === 0).catch(() => undefined);
    expect(open()).toEqual([]);
    expect(beginnings().filter(({ msg }) => msg === 'the database: failing')).toHaveLength(1);
  }

  it('of the database is told once by whoever meets it, and so is its end, though nobody asks for its health', async () => {
    if (scene.target.kind !== 'postgres') throw new Error('not PostgreSQL');
    const url = await through(scene.target.url);
    const gateway = await scene.start({ DATABASE_URL: url, REPLICA_LEASE_S: '6' });
    const accepted = await scene.accept(gateway);
    await scene.subscribed(accepted);
    const before = gateway.logs.length;
    await outageOf(gateway, () => handIn(gateway, randomUUID()));
    await expectEnds(gateway, before);
    expect(gateway.logs.slice(before).find(({ msg }) => msg === 'the database: failing')).toMatchObject({
      level: 'warn',
      component: 'storage',
      cause: { code: 'storage.unavailable', message: expect.stringContaining('PostgreSQL at') },
    });
  }, 90_000);

  it('of a database that takes no writes is told, and its end', async () => {
    if (scene.target.kind !== 'postgres') throw new Error('not PostgreSQL');
    const gateway = await scene.start({ DATABASE_URL: await through(scene.target.url) });
    const client = new pg.Client({ connectionString: scene.target.url });
    await client.connect();
    const name = client.escapeIdentifier(new URL(scene.target.url).pathname.slice(1));
    const readOnly = async (to: 'on' | 'off'): Promise<void> => {
      await client.query(`alter database ${name} set default_transaction_read_only = ${to}`);
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`);
    };
    const before = gateway.logs.length;
    try {
      await readOnly('on');
      const failing = await gateway.logged(({ msg }) => msg === 'the database: failing', 30_000);
      expect(failing['cause']).toMatchObject({ code: 'storage.unavailable' });
      await eventually(async () => (await handIn(gateway, randomUUID())).status === 503);
      expect(gateway.logs.slice(before).map(({ msg }) => msg)).not.toContain('the database: works again');
      await readOnly('off');
      await expectEnds(gateway, before);
    } finally {
      await client.end();
    }
  }, 90_000);

  it('of a permission that is missing for topics is one line however many are refused, and so is its end', async () => {
    const { genesys } = scene.simulator;
    genesys.configure({ forbiddenTopics: ['*'] });
    const gateway = await scene.start({ GENESYS_API_URL: await through(scene.simulator.apiUrl) });
    const before = gateway.logs.length;
    const refused = await Promise.all(Array.from({ length: 20 }, () => scene.accept(gateway)));
    const rejected = async ({ id }: Accepted): Promise<boolean> => {
      const { body } = await call(gateway, 'GET', `/customers/supportInteraction/${id}`);
      return (body as { lastError?: { code: string } }).lastError?.code === 'topic.rejected';
    };
    await eventually(async () => (await Promise.all(refused.map(rejected))).every(Boolean));
    const told = () => gateway.logs.slice(before).filter(({ level }) => level === 'warn');
    expect(told()).toMatchObject([{ msg: 'subscribing to topics: failing', topic: expect.stringContaining('.acw') }]);

    genesys.configure({ forbiddenTopics: [] });
    // That nobody wants them any more is not yet the end: a topic has to be taken.
    for (const { id } of refused) await call(gateway, 'DELETE', `/customers/supportInteraction/${id}`);
    expect(gateway.logs.slice(before).map(({ msg }) => msg)).not.toContain('subscribing to topics: works again');
    await scene.accept(gateway);
    expect(await gateway.logged(({ msg }) => msg === 'subscribing to topics: works again')).toMatchObject({
      level: 'info',
      failures: 20,
    });
    expect(told()).toHaveLength(1);
  }, 60_000);

  it("of Genesys Cloud's is few lines", async () => {
    const url = await through(scene.simulator.apiUrl);
    const gateway = await scene.start({ GENESYS_API_URL: url, LOOKUP_SWEEP_S: '1' });
    const accepted = await Promise.all(Array.from({ length: 5 }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    // Its sockets are not behind the proxy: they are lost, and refused.
    scene.simulator.genesys.faults.refuseUpgrade({ count: 1_000 });
    scene.simulator.genesys.faults.closeSocket('all');
    expectFew(await outageOf(gateway, () => handIn(gateway, randomUUID())));
  }, 90_000);

  it('of the history service is few lines', async () => {
    const gateway = await scene.start({ HISTORY_URL: await through(scene.simulator.historyUrl) });
    const accepted = await Promise.all(Array.from({ length: 20 }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    for (const { conversationId } of accepted) scene.simulator.genesys.conversations.finishWork(conversationId);
    const lines = await outageOf(gateway, () => call(gateway, 'GET', '/health', { as: 'admin' }));
    expect(lines.length).toBeLessThan(MAX_LINES);
    await scene.delivered(gateway, 20);
  }, 90_000);
});
