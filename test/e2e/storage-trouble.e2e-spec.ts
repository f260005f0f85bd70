import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { StorageUnavailableError } from '../../src/storage/storage.errors.js';
import { openDatabase } from '../helpers/databases.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import {
  type Accepted,
  call,
  eventually,
  handIn,
  interaction,
  ProcessScene,
  type Reply,
  topicOf,
} from '../helpers/process-scene.js';
import { TcpProxy } from '../helpers/tcp-proxy.js';

/** How soon an outage must be told to the caller. */
const NOTICED_MS = 5_000;

describe('PostgreSQL in trouble', () => {
  let scene: ProcessScene;
  let proxy: TcpProxy;
  let gateway: GatewayProcess;
  let url: URL;

  beforeEach(async () => {
    scene = await ProcessScene.open('postgres');
    if (scene.target.kind !== 'postgres') throw new Error('not PostgreSQL');
    url = new URL(scene.target.url);
    proxy = await TcpProxy.start(Number(url.port));
    const through = new URL(url);
    through.port = String(proxy.port);
    // What fails because the database is away is told at debug.
    gateway = await scene.start({ DATABASE_URL: through.href, LOG_LEVEL: 'debug' });
  });

  afterEach(async () => {
    await scene.close();
    await proxy.stop();
  });

  async function acceptSome(count: number): Promise<Accepted[]> {
    const accepted = await Promise.all(Array.from({ length: count }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    return accepted;
  }

  function finish(some: readonly Accepted[]): void {
    for (const { conversationId } of some) {
      const { sentTo } = scene.simulator.genesys.conversations.finishWork(conversationId);
      expect(sentTo).toHaveLength(1);
    }
  }

  /** The reply, which must not take longer than an outage may stay unnoticed. */
  async function timely(work: Promise<Reply>): Promise<Reply> {
    const began = performance.now();
    const reply = await work;
    expect(performance.now() - began).toBeLessThan(NOTICED_MS);
    return reply;
  }

  async function expectOutageTold(): Promise<void> {
    const refused = { status: 503, body: { code: 'storage.unavailable' } };
    const [first, ready, live] = await Promise.all([
      timely(handIn(gateway, randomUUID())),
      timely(call(gateway, 'GET', '/health/ready')),
      timely(call(gateway, 'GET', '/health/live')),
    ]);
    expect(first).toMatchObject(refused);
    // Whose database it is, and where, is not for those who hand in.
    expect(first.body.message).toBe(
      'The database cannot be used at the moment, and nothing is half-stored. Try again.',
    );
    expect(ready.status).toBe(503);
    expect(live.status).toBe(200);
  }

  async function expectAllDeliveredInOneAttempt(accepted: readonly Accepted[]): Promise<void> {
    await scene.delivered(gateway, accepted.length, 30_000);
    await scene.expectOnce(gateway, accepted);
    for (const each of accepted) expect(await interaction(gateway, each)).toMatchObject({ deliveryAttempts: 1 });
    expect(gateway.child.exitCode).toBeNull();
  }

  it.each(['cut', 'swallow'] as const)(
    'unreachable (%s): told to callers, and what arrives meanwhile is captured afterwards',
    async (trouble) => {
      const accepted = await acceptSome(5);
      proxy[trouble]();
      finish(accepted.slice(0, 3));
      await expectOutageTold();
      finish(accepted.slice(3));
      expect(scene.simulator.history.received).toEqual([]);
      proxy.restore();
      await eventually(async () => (await call(gateway, 'GET', '/health/ready')).status === 200);
      await expectAllDeliveredInOneAttempt(accepted);
    },
    60_000,
  );

  it('fails a transaction that is under way in time too', async () => {
    const through = new URL(url);
    through.port = String(proxy.port);
    const database = await openDatabase({ kind: 'postgres', url: through.href, poolSize: 1 });
    const began = performance.now();
    const transaction = database.transaction(async (trx) => {
      await trx.selectFrom('channels').select('no').execute();
      proxy.swallow();
      await trx.selectFrom('channels').select('no').execute();
    });
    await expect(transaction).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(performance.now() - began).toBeLessThan(NOTICED_MS);
    await database.close();
  });

  it('answers within 5 s also those who come while others wait for the database', async () => {
    proxy.swallow();
    const replies: Promise<Reply>[] = [];
    for (let caller = 0; caller < 8; caller++) {
      replies.push(timely(handIn(gateway, randomUUID())));
      await sleep(20);
    }
    for (const reply of await Promise.all(replies)) expect(reply.status).toBe(503);
  });

  it('unreachable while records are being sent: their outcomes are stored afterwards, and nothing is sent twice', async () => {
    const { history } = scene.simulator;
    const accepted = await acceptSome(3);
    history.fail({ status: 201, count: 3, delayMs: 500 });
    finish(accepted);
    await history.waitFor(() => history.received.length === 3);
    proxy.cut();
    await gateway.logged((line) => line.msg === 'an outcome could not be stored yet');
    proxy.restore();
    await eventually(async () => (await call(gateway, 'GET', '/health/ready')).status === 200);
    await eventually(async () => {
      const all = await Promise.all(accepted.map((each) => interaction(gateway, each)));
      return all.every(({ status }) => status === 'delivered');
    });
    expect(history.received).toHaveLength(3);
  }, 30_000);

  it('ends every connection again and again during traffic: the process lives and nothing is lost', async () => {
    const administrator = new pg.Client({ connectionString: url.href });
    await administrator.connect();
    const accepted: Accepted[] = [];
    try {
      for (let round = 0; round < 5; round++) {
        const waiting = await Promise.all(
          Array.from({ length: 10 }, async () => {
            const conversationId = randomUUID();
            let reply = await handIn(gateway, conversationId);
            while (reply.status === 503) reply = await handIn(gateway, conversationId);
            expect(reply.status).toBeLessThan(300);
            return { id: String(reply.body['id']), conversationId };
          }),
        );
        accepted.push(...waiting);
        const ended = administrator.query(`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`);
        await scene.subscribed(...waiting);
        for (const { conversationId } of waiting) scene.simulator.genesys.conversations.finishWork(conversationId);
        expect((await ended).rowCount).toBeGreaterThan(0);
      }
    } finally {
      await administrator.end();
    }
    await scene.delivered(gateway, accepted.length, 30_000);
    await scene.expectOnce(gateway, accepted);
    expect(gateway.child.exitCode).toBeNull();
    expect(scene.simulator.genesys.topics()).not.toContain(topicOf(accepted[0]?.conversationId ?? ''));
    for (const each of accepted.slice(0, 10))
      expect(await interaction(gateway, each)).toMatchObject({ deliveryAttempts: 1 });
  }, 60_000);
});
