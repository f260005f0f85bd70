import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { RetentionRepository } from '../../src/conversations/retention.repository.js';
import { LedgerCheck } from '../../src/operations/ledger-check.service.js';
import type { Comparison } from '../../src/operations/ledger.repository.js';
import { recordIdOf } from '../../src/history/record.js';
import { Database } from '../../src/storage/database.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';
import { deliveryRow, gapRow, interactionRow } from '../helpers/rows.js';

describe.each(['sqlite', 'postgres'] as const)('the ledger and its records (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target, { RETRY_BASE_MS: '20', RETRY_CAP_MS: '100' });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const db = () => gateway.app.get(Database).db;
  async function check(): Promise<{ differences: Comparison }> {
    const ledgerCheck = gateway.app.get(LedgerCheck);
    await ledgerCheck.check();
    return ledgerCheck.state;
  }
  const gauge = async (): Promise<string | undefined> =>
    /^gateway_ledger_difference (\S+)$/m.exec((await gateway.call('get', '/metrics', 'admin').expect(200)).text)?.[1];
  const health = async () => (await gateway.call('get', '/health', 'admin').expect(200)).body;

  it('agree at every instant of a busy time', async () => {
    const count = 40;
    simulator.history.fail({ status: 422, count: 5 });
    const handIn = Array.from({ length: count }, async () => {
      const conversationId = randomUUID();
      await gateway.call('post', '/customers/supportInteraction').send({ conversationId, customerId: 'C' }).expect(202);
      await simulator.genesys.waitFor(() => simulator.genesys.topics().some((topic) => topic.includes(conversationId)));
      simulator.genesys.conversations.finishWork(conversationId);
    });
    let ended = false;
    const all = Promise.all(handIn).finally(() => (ended = true));
    let samples = 0;
    const settled = ({ delivered, dead }: Record<string, number>): boolean => delivered! + dead! === count;
    while (!ended || !settled(await ledger())) {
      expect((await check()).differences).toEqual({});
      samples++;
      await setImmediate();
    }
    await all;
    expect(samples).toBeGreaterThan(5);
    expect((await health()).details.ledger).toEqual({
      status: 'up',
      differences: {},
      repaired: 0,
      checkedAt: expect.any(String),
    });
    expect(await gauge()).toBe('0');
    await gateway.call('post', '/ops/dead-letters/replay', 'admin').send({}).expect(202);
    while ((await ledger())['delivered']! < count) expect((await check()).differences).toEqual({});
  });

  it.each([
    ['captured', 0],
    ['dead', 0],
    ['delivered', 40],
    ['discarded', 0],
  ] as const)('raise an alarm when an interaction is %s and its record is not', async (status, records) => {
    const before = await ledger();
    await db()
      .insertInto('interactions')
      .values(interactionRow({ id: 'astray', status }))
      .execute();
    expect(await gauge()).toBe('1');
    // The whole still answers 200: the pod does its work.
    expect(await health()).toMatchObject({
      status: 'degraded',
      details: { ledger: { status: 'degraded', differences: { [status]: { interactions: records + 1, records } } } },
    });
    expect(await ledger()).toEqual({ ...before, [status]: records + 1, total: 41 });
    await db().deleteFrom('interactions').where('id', '=', 'astray').execute();
    expect(await gauge()).toBe('0');
    expect((await health()).details.ledger.status).toBe('up');
    expect(await ledger()).toEqual(before);
  });

  it('raise an alarm for a record without an interaction, and count no other sink', async () => {
    const record = deliveryRow({ id: 'astray', sink: 'history', state: 'dead', dead_at: 1 });
    await db()
      .insertInto('deliveries')
      .values([record, { ...record, id: 'other', sink: 'push' }])
      .execute();
    expect(Object.keys((await check()).differences)).toEqual(['dead']);
    expect(await gauge()).toBe('1');
    await db().deleteFrom('deliveries').where('id', 'in', ['astray', 'other']).execute();
    expect((await check()).differences).toEqual({});
  });

  it('leave dead letters alone however old they are', async () => {
    const old = { accepted_at: 1, expires_at: 1 };
    await db()
      .insertInto('interactions')
      .values(
        [
          interactionRow({ id: 'old-dead', ...old, status: 'dead', dead_at: 1 }),
          interactionRow({ id: 'old-delivered', ...old, status: 'delivered', delivered_at: 1 }),
        ].map((row) => ({ dead_at: null, delivered_at: null, ...row })),
      )
      .execute();
    const record = { sink: 'history', attempts: 0, crashes: 0 };
    await db()
      .insertInto('deliveries')
      .values([
        deliveryRow({ ...record, id: 'd1', subject_id: 'old-dead', state: 'dead', dead_at: 1, delivered_at: null }),
        deliveryRow({
          ...record,
          id: recordIdOf('old-delivered'),
          subject_id: 'old-delivered',
          state: 'delivered',
          dead_at: null,
          delivered_at: 1,
        }),
      ])
      .execute();
    // What the retention calls; the retention's own turn may come in between.
    await gateway.app.get(RetentionRepository).removeFinished(60_000, 500);
    expect(await ids('interactions')).not.toContain('old-delivered');
    expect(await ids('interactions')).toContain('old-dead');
    expect(await ids('deliveries')).toEqual(expect.arrayContaining(['d1']));
    expect(await ids('deliveries')).not.toContain(recordIdOf('old-delivered'));
    expect((await check()).differences).toEqual({});
    const { body } = await gateway.call('get', '/ops/dead-letters?limit=500', 'admin').expect(200);
    expect(body.items.map((each: { recordId: string }) => each.recordId)).toContain('d1');
  });

  it('leave the other metrics to be read while the database is away, and show no old counts', async () => {
    const database = gateway.app.get(Database);
    await database.close();
    const { text } = await gateway.call('get', '/metrics', 'admin').expect(200);
    expect(text).toContain('gateway_deliveries_total{');
    expect(text).not.toContain('gateway_interactions{');
    // A difference that cannot be looked for is not 0.
    expect(text).not.toMatch(/^gateway_ledger_difference /m);
    expect(text).not.toContain('gateway_oldest_undelivered_seconds{');
    expect(text).toContain('gateway_storage_up 0');
    expect(text).toContain('gateway_token_state{client="default"} 1');
    expect(text).toContain('gateway_breaker_state{sink="history"} 0');
    expect(text).toMatch(/^gateway_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    expect(text).toMatch(/gateway_http_request_seconds_count\{route="GET \/metrics",status="200"\} \d/);
    await database.open();
    const back = (await gateway.call('get', '/metrics', 'admin').expect(200)).text;
    expect(back).toContain('gateway_interactions{');
    expect(back).toContain('gateway_oldest_undelivered_seconds{sink="history"} ');
    expect(back).toContain('gateway_storage_up 1');
    expect(back).toMatch(/^gateway_ledger_difference 0$/m);
  });

  it('show what each gap has left open', async () => {
    await db()
      .insertInto('gaps')
      .values([
        gapRow({ id: 'closed', from_at: 9e12, to_at: 9e12 + 1_500, topics: 3, looked_up: 3, recovered: 1 }),
        gapRow({ id: 'open', from_at: 9e12 - 1, to_at: null, topics: 2, looked_up: 0, recovered: 0 }),
      ])
      .execute();
    const waiting = { gap_id: 'closed', owner: 'nobody here', lookup_at: null };
    await db()
      .insertInto('interactions')
      .values([
        interactionRow({ ...waiting, status: 'listening' }),
        interactionRow({ ...waiting, status: 'accepted' }),
        interactionRow({ ...waiting, status: 'expired' }),
      ])
      .execute();
    const { body } = await gateway.call('get', '/ops/gaps?limit=2', 'admin').expect(200);
    expect(body.items).toEqual([
      {
        id: 'closed',
        channel: null,
        reason: 'test',
        from: new Date(9e12).toISOString(),
        to: new Date(9e12 + 1_500).toISOString(),
        seconds: 1.5,
        topics: 3,
        lookedUp: 3,
        recovered: 1,
        unresolved: 2,
      },
      expect.objectContaining({ id: 'open', to: null, unresolved: null }),
    ]);
  });

  async function ids(table: 'interactions' | 'deliveries'): Promise<string[]> {
    return (await db().selectFrom(table).select('id').execute()).map((row) => row.id);
  }

  async function ledger(): Promise<Record<string, number>> {
    return (await gateway.call('get', '/ops/ledger', 'admin').expect(200)).body;
  }
});
