import { randomUUID } from 'node:crypto';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f-]{36}$/;

describe.each(['sqlite', 'postgres'] as const)('replaying dead letters (%s)', (kind) => {
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

  beforeEach(() => simulator.history.recover());

  const get = async (path: string) => (await gateway.call('get', path, 'admin').expect(200)).body;
  const replay = (body: object) => gateway.call('post', '/ops/dead-letters/replay', 'admin').send(body);

  /** Results that the history refuses with that status. Answers their conversations. */
  async function die(count: number, status = 422): Promise<string[]> {
    const before = simulator.history.received.length;
    simulator.history.fail({ status, count });
    const conversations = Array.from({ length: count }, () => randomUUID());
    for (const conversationId of conversations) {
      const result = { conversationId, customerId: 'C-1', wrapupCode: 'x' };
      await gateway.call('post', '/customers/supportResult').send(result).expect(202);
    }
    await simulator.history.waitFor(() => simulator.history.received.length === before + count, 10_000);
    await until(async () => (await get('/ops/ledger')).captured === 0);
    return conversations;
  }

  async function until(done: () => Promise<boolean>): Promise<void> {
    const giveUpAt = Date.now() + 10_000;
    while (!(await done())) {
      if (Date.now() > giveUpAt) throw new Error('it did not come true within 10 s');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function over(id: string): Promise<Record<string, unknown>> {
    await until(async () => (await get(`/ops/replays/${id}`)).status !== 'running');
    return get(`/ops/replays/${id}`);
  }

  const keysOf = (conversations: readonly string[], status: number): (string | undefined)[] =>
    simulator.history.received
      .filter((each) => each.status === status)
      .filter(({ body }) => conversations.includes((body as { conversationId: string }).conversationId))
      .map(({ key }) => key)
      .sort();

  it('counts in a dry run and changes nothing', async () => {
    await die(2, 422);
    await die(1, 400);
    const { body } = await replay({ dryRun: true }).expect(200);
    expect(body).toEqual({
      count: 3,
      oldest: expect.stringMatching(ISO),
      newest: expect.stringMatching(ISO),
      byReason: expect.any(Object),
    });
    expect(Object.values(body.byReason as Record<string, number>).reduce((a, b) => a + b)).toBe(3);
    expect(await get('/ops/ledger')).toMatchObject({ dead: 3, captured: 0 });
    expect((await get('/ops/replays')).items).toEqual([]);
    expect((await get('/ops/audit')).items).toEqual([]);
  });

  it('sends all of them again under the same keys, and says how far it is', async () => {
    const conversations = await die(5);
    const response = await replay({}).expect(202);
    const { id } = response.body;
    expect(response.headers['location']).toBe(`/ops/replays/${id}`);
    expect(response.body).toEqual({
      id: expect.stringMatching(UUID),
      status: 'running',
      filter: {},
      ratePerSecond: 50,
      total: 8,
      replayed: 0,
      skipped: 0,
      requestedBy: 'operator',
      createdAt: expect.stringMatching(ISO),
      updatedAt: expect.stringMatching(ISO),
      finishedAt: null,
    });
    expect(await over(id)).toMatchObject({
      status: 'done',
      total: 8,
      replayed: 8,
      skipped: 0,
      finishedAt: expect.stringMatching(ISO),
    });
    await until(async () => (await get('/ops/ledger')).delivered === 8);
    expect(keysOf(conversations, 201)).toEqual(keysOf(conversations, 422));
    expect(simulator.history.conflicts).toEqual([]);
    expect(await get('/ops/dead-letters')).toEqual({ items: [] });
    expect((await get('/ops/replays')).items).toEqual([expect.objectContaining({ id, status: 'done' })]);
    expect((await get('/ops/audit')).items).toEqual([
      {
        at: expect.stringMatching(ISO),
        actor: 'operator',
        action: 'replay.start',
        target: id,
        details: { filter: {}, total: 8, ratePerSecond: 50 },
      },
    ]);
  });

  it('takes only what the filter names', async () => {
    const [first] = await die(1, 422);
    await die(1, 400);
    const { body: letters } = await gateway.call('get', '/ops/dead-letters', 'admin').expect(200);
    const wanted = letters.items.find((each: { conversationId: string }) => each.conversationId === first);
    const filter = { reason: wanted.reason, conversationId: first!.toUpperCase(), interactionId: wanted.interactionId };
    const { body } = await replay({ filter: { ...filter, diedAfter: wanted.deadAt } }).expect(202);
    expect(body).toMatchObject({ total: 1, filter: { ...filter, conversationId: first, diedAfter: wanted.deadAt } });
    expect(await over(body.id)).toMatchObject({ replayed: 1 });
    await until(async () => (await get('/ops/ledger')).dead === 1);
    await gateway.call('post', `/ops/dead-letters/${wanted.recordId}/replay`, 'admin').expect(409);
  });

  it('replays one whose receiver refuses it again only once', async () => {
    const received = simulator.history.received.length;
    simulator.history.fail({ status: 400 });
    const { body } = await replay({}).expect(202);
    expect(await over(body.id)).toMatchObject({ total: 1, replayed: 1 });
    await until(async () => (await get('/ops/ledger')).dead === 1);
    expect(simulator.history.received.length - received).toBe(1);
  });

  it('answers the running job to a second click, and stops on request', async () => {
    await die(5);
    const first = await replay({ ratePerSecond: 1 }).expect(202);
    const second = await replay({ ratePerSecond: 7, filter: {} }).expect(200);
    expect(second.body.id).toBe(first.body.id);
    expect(second.headers['location']).toBe(first.headers['location']);
    const stopped = await gateway.call('delete', `/ops/replays/${first.body.id}`, 'admin').expect(200);
    expect(stopped.body).toMatchObject({ status: 'stopped', finishedAt: expect.stringMatching(ISO) });
    await gateway.call('delete', `/ops/replays/${first.body.id}`, 'admin').expect(200, stopped.body);
    expect(stopped.body.replayed).toBeLessThan(6);
    const { body } = await gateway.call('get', '/ops/audit?limit=1', 'admin').expect(200);
    expect(body.items).toEqual([
      expect.objectContaining({ actor: 'operator', action: 'replay.stop', target: first.body.id }),
    ]);
    const rest = await replay({ requestId: 'the rest' }).expect(202);
    expect(await over(rest.body.id)).toMatchObject({ status: 'done', requestId: 'the rest' });
    await replay({ requestId: 'the rest' }).expect(200);
    const refused = await replay({ requestId: 'the rest', filter: { reason: 'x' } }).expect(409);
    expect(refused.body).toMatchObject({ code: 'replay.conflict' });
  });

  it('says what is wrong with a request, all of it', async () => {
    const { body } = await replay({
      filter: { reason: '', customerId: 'C-1', diedAfter: 'yesterday', conversationId: '1' },
      ratePerSecond: 0,
      dryRun: 'yes',
    }).expect(400);
    const fields = body.details.map((each: { field: string }) => each.field).sort();
    expect(fields).toEqual(
      expect.arrayContaining(['dryRun', 'filter.conversationId', 'filter.diedAfter', 'filter.reason', 'ratePerSecond']),
    );
    await replay({ ratePerSecond: 1_001 }).expect(400);
    await replay({ filter: { diedAfter: '2026-01-02T00:00:00Z', diedBefore: '2026-01-01T00:00:00Z' } }).expect(400);
    await gateway.call('post', '/ops/dead-letters/replay', 'admin').expect(400);
    await gateway.call('get', '/ops/audit?cursor=x', 'admin').expect(400);
    await gateway.call('get', '/ops/replays/1', 'admin').expect(400);
    await gateway.call('get', `/ops/replays/${randomUUID()}`, 'admin').expect(404);
  });

  it.each([
    ['post', '/ops/dead-letters/replay'],
    ['post', `/ops/dead-letters/${randomUUID()}/replay`],
    ['get', '/ops/replays'],
    ['get', `/ops/replays/${randomUUID()}`],
    ['delete', `/ops/replays/${randomUUID()}`],
    ['get', '/ops/audit'],
  ] as const)('is for administrators: %s %s', async (method, path) => {
    await gateway.call(method, path, 'intake').expect(403);
    await gateway.call(method, path, 'nobody').expect(401);
  });
});
