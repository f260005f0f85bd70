import { randomUUID } from 'node:crypto';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe.each(['sqlite', 'postgres'] as const)('discarding dead letters (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target);
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const get = async (path: string) => (await gateway.call('get', path, 'viewer').expect(200)).body;
  const post = (path: string, body: object) => gateway.call('post', path, 'operator').send(body);

  /** Results that the history refuses for good. Answers the dead letters. */
  async function die(count: number): Promise<{ recordId: string; interactionId: string }[]> {
    simulator.history.fail({ status: 422, count });
    for (let i = 0; i < count; i++) {
      const result = { conversationId: randomUUID(), customerId: 'C-1', wrapupCode: 'x' };
      await gateway.call('post', '/customers/supportResult').send(result).expect(202);
    }
    await until(async () => (await get('/ops/dead-letters')).items.length === count);
    return (await get('/ops/dead-letters')).items;
  }

  async function until(done: () => Promise<boolean>): Promise<void> {
    const giveUpAt = Date.now() + 10_000;
    while (!(await done())) {
      if (Date.now() > giveUpAt) throw new Error('it did not come true within 10 s');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it('ends one with a reason, for good: in the ledger, the metrics and the audit', async () => {
    const [letter] = await die(1);
    const path = `/ops/dead-letters/${letter!.recordId}`;
    await post(`${path}/discard`, {}).expect(400);
    await post(`${path}/discard`, { reason: '' }).expect(400);
    await post(`${path}/discard`, { reason: 'x'.repeat(501) }).expect(400);
    const first = await post(`${path}/discard`, { reason: 'a test record' }).expect(200);
    expect(first.body).toMatchObject({ state: 'discarded', discardedAt: expect.stringMatching(ISO) });
    const again = await post(`${path}/discard`, { reason: 'once more' }).expect(200);
    expect(again.body).toEqual(first.body);
    expect(await get('/ops/dead-letters')).toEqual({ items: [] });
    expect(await get('/ops/ledger')).toMatchObject({ dead: 0, discarded: 1, total: 1 });
    expect(await get(`/customers/supportInteraction/${letter!.interactionId}`)).toMatchObject({
      status: 'discarded',
      deadAt: expect.stringMatching(ISO),
      discardedAt: expect.stringMatching(ISO),
    });
    const metrics = (await gateway.call('get', '/metrics', 'metrics').expect(200)).text;
    expect(metrics).toContain('gateway_interactions{status="discarded"} 1');
    expect(metrics).toContain('gateway_ledger_difference 0');
    const refused = await post(`${path}/replay`, {}).expect(409);
    expect(refused.body).toMatchObject({
      code: 'delivery.not-dead',
      message: expect.stringContaining('was discarded') as string,
    });
    expect((await get('/ops/audit')).items).toEqual([
      {
        at: expect.stringMatching(ISO),
        actor: 'shift',
        action: 'dead-letter.discard',
        target: letter!.recordId,
        details: {
          sink: 'history',
          subjectId: letter!.interactionId,
          code: 'history.http-422',
          reason: 'a test record',
        },
      },
    ]);
  });

  it('counts first, then ends all that fit, as a job', async () => {
    await die(5);
    const wanted = { filter: { reason: 'history.http-422' }, reason: 'refused for good' };
    const preview = await post('/ops/dead-letters/discard', { ...wanted, dryRun: true }).expect(200);
    expect(preview.body).toMatchObject({ count: 5, byReason: { 'history.http-422': 5 } });
    expect(await get('/ops/ledger')).toMatchObject({ dead: 5 });
    await post('/ops/dead-letters/discard', { filter: {} }).expect(400);
    const none = await post('/ops/dead-letters/discard', { filter: { reason: 'other' }, reason: 'none' }).expect(202);
    expect(none.body).toMatchObject({ total: 0 });
    const started = await post('/ops/dead-letters/discard', { ...wanted, requestId: 'r' }).expect(202);
    const { id } = started.body;
    expect(started.headers['location']).toBe(`/ops/discards/${id}`);
    await until(async () => (await get(`/ops/discards/${id}`)).status === 'done');
    expect(await get(`/ops/discards/${id}`)).toEqual({
      id,
      status: 'done',
      filter: wanted.filter,
      reason: wanted.reason,
      total: 5,
      discarded: 5,
      skipped: 0,
      requestedBy: 'shift',
      requestId: 'r',
      createdAt: expect.stringMatching(ISO),
      updatedAt: expect.stringMatching(ISO),
      finishedAt: expect.stringMatching(ISO),
    });
    expect(await get('/ops/ledger')).toMatchObject({ dead: 0, discarded: 6, total: 6 });
    expect((await get('/ops/replays')).items).toEqual([]);
    expect((await get('/ops/discards')).items).toHaveLength(2);
    await post('/ops/dead-letters/replay', { requestId: 'r' }).expect(409);
    expect((await get('/ops/audit?limit=1')).items).toEqual([
      expect.objectContaining({
        action: 'discard.start',
        target: id,
        details: { filter: wanted.filter, total: 5, reason: wanted.reason },
      }),
    ]);
  });

  it('takes all for a filter that is there and empty, and none for one that was forgotten', async () => {
    await die(2);
    const forgotten = await post('/ops/dead-letters/discard', { requestId: '' }).expect(400);
    expect(forgotten.body.details).toEqual([
      { field: 'filter', message: 'is required; give {} to take all' },
      { field: 'requestId', message: 'has 0 characters; the least is 1' },
      { field: 'reason', message: 'is required, but for a dry run' },
    ]);
    await post('/ops/dead-letters/discard', { reason: 'r' }).expect(400);
    const preview = await post('/ops/dead-letters/discard', { filter: {}, dryRun: true }).expect(200);
    expect(preview.body).toMatchObject({ count: 2 });
    const started = await post('/ops/dead-letters/discard', { filter: {}, reason: 'r' }).expect(202);
    await until(async () => (await get(`/ops/discards/${started.body.id}`)).status === 'done');
    expect(await get('/ops/dead-letters')).toEqual({ items: [] });
  });

  it('is for operators', async () => {
    const path = `/ops/dead-letters/${randomUUID()}/discard`;
    for (const as of ['viewer', 'intake', 'privacy'] as const) {
      await gateway.call('post', path, as).send({ reason: 'x' }).expect(403);
      await gateway.call('post', '/ops/dead-letters/discard', as).send({ reason: 'x' }).expect(403);
    }
    await post(path, { reason: 'x' }).expect(404);
  });
});
