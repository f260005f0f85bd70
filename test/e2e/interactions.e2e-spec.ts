import { randomUUID } from 'node:crypto';
import { version as uuidVersion } from 'uuid';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

/** Who is heard is first asked for within 30 s, with everybody else of that time (docs/architecture.md, look-ups). */
const BY_LOOKUP_MS = 60_000;

interface StoredRecord {
  interactionId: string;
  conversationId: string;
  obtainedBy: string;
  source: string;
  agentId?: string;
  wrapup: { code?: string; notes?: string };
}

describe.each(['sqlite', 'postgres'] as const)('the life of an interaction (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target, { RETRY_BASE_MS: '50', RETRY_CAP_MS: '200' });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const topicOf = (conversationId: string): string => `v2.detail.events.conversation.${conversationId}.acw`;

  async function handIn(body: object, expected = 202): Promise<{ id: string; status: string }> {
    const response = await gateway
      .call('post', '/customers/supportInteraction')
      .send({ customerId: 'C-1', ...body })
      .expect(expected);
    return response.body as { id: string; status: string };
  }

  async function listened(conversationId: string): Promise<void> {
    await simulator.genesys.waitFor(() => simulator.genesys.topics().includes(topicOf(conversationId)));
  }

  function recordsOf(conversationId: string): StoredRecord[] {
    const records = [...simulator.history.records.values()] as StoredRecord[];
    return records.filter((record) => record.conversationId === conversationId);
  }

  async function recorded(conversationId: string, count = 1, withinMs = 10_000): Promise<StoredRecord[]> {
    await simulator.history.waitFor(() => recordsOf(conversationId).length >= count, withinMs);
    return recordsOf(conversationId);
  }

  async function released(conversationId: string): Promise<void> {
    await simulator.genesys.waitFor(() => !simulator.genesys.topics().includes(topicOf(conversationId)));
  }

  it('numbers interactions by time, so that those of the same time lie together in the database', async () => {
    const ids: string[] = [];
    for (let no = 0; no < 5; no++) ids.push((await handIn({ conversationId: randomUUID() })).id);
    expect(ids.map((id) => uuidVersion(id))).toEqual([7, 7, 7, 7, 7]);
    expect(ids.toSorted()).toEqual(ids);
  });

  it.each([
    ['X-Correlation-Id', 'case-77'],
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ])("keeps the caller's %s with the interaction, and sends it on with the record", async (header, value) => {
    const conversationId = randomUUID();
    const { body } = await gateway
      .call('post', '/customers/supportInteraction')
      .set(header, value)
      .send({ conversationId, customerId: 'C-1' })
      .expect(202);
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId);
    await recorded(conversationId);
    const { body: kept } = await gateway.call('get', `/customers/supportInteraction/${body.id}`).expect(200);
    expect(kept.correlationId).toBe(value);
    const sent = simulator.history.received.filter(
      ({ body }) => (body as StoredRecord).conversationId === conversationId,
    );
    expect(sent.map(({ headers }) => headers['x-correlation-id'])).toEqual([value]);
  });

  it('gives each agent of a transfer a record of their own, and keeps the topic until the last', async () => {
    const conversationId = randomUUID();
    const [first, second] = [randomUUID(), randomUUID()];
    const one = await handIn({ conversationId, agentId: first });
    const two = await handIn({ conversationId, agentId: second });
    await listened(conversationId);
    const { conversations } = simulator.genesys;
    conversations.start({ id: conversationId, agents: [{ userId: first }, { userId: second }] });
    conversations.finishWork(conversationId, { userId: first, wrapupCode: 'first' });
    await recorded(conversationId);
    expect(simulator.genesys.topics()).toContain(topicOf(conversationId));
    conversations.finishWork(conversationId, { userId: second, wrapupCode: 'second' });
    const records = await recorded(conversationId, 2);
    expect(records.map((record) => [record.interactionId, record.agentId, record.wrapup.code])).toEqual([
      [one.id, first, 'first'],
      [two.id, second, 'second'],
    ]);
    await released(conversationId);
  });

  it('waits for the named agent and takes no other work', async () => {
    const conversationId = randomUUID();
    const [wanted, other] = [randomUUID(), randomUUID()];
    await handIn({ conversationId, agentId: wanted });
    await listened(conversationId);
    const { conversations } = simulator.genesys;
    conversations.start({ id: conversationId, agents: [{ userId: other }, { userId: wanted }] });
    conversations.finishWork(conversationId, { userId: other, wrapupCode: 'other' });
    conversations.finishWork(conversationId, { userId: wanted, wrapupCode: 'wanted' });
    expect((await recorded(conversationId)).map((record) => record.wrapup.code)).toEqual(['wanted']);
  });

  it('takes a system wrap-up code like any other, and drops a repeat of the event', async () => {
    const conversationId = randomUUID();
    await handIn({ conversationId });
    await listened(conversationId);
    simulator.genesys.conversations.timeOutWork(conversationId, { duplicate: 2 });
    const [record] = await recorded(conversationId);
    expect(record?.wrapup.code).toBe('ININ-WRAP-UP-TIMEOUT');
    await released(conversationId);
    expect(simulator.history.repeats).toBe(0);
    const { text } = await gateway.call('get', '/metrics', 'admin').expect(200);
    expect(text).toMatch(/gateway_duplicates_dropped_total [1-9]/);
  });

  it('finds work by asking when Genesys never sent the event', async () => {
    const conversationId = randomUUID();
    await handIn({ conversationId });
    simulator.genesys.conversations.start({ id: conversationId });
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId, { suppressEvent: true, wrapupCode: 'silent' });
    const [record] = await recorded(conversationId, 1, BY_LOOKUP_MS);
    expect(record).toMatchObject({ obtainedBy: 'lookup', source: 'genesys-cloud', wrapup: { code: 'silent' } });
    await released(conversationId);
  }, 90_000);

  it('asks singly when Genesys does not permit look-ups in bulk', async () => {
    const conversationId = randomUUID();
    simulator.genesys.faults.failRequests({
      count: 1_000,
      status: 403,
      path: '/api/v2/analytics/conversations/details',
    });
    await handIn({ conversationId });
    simulator.genesys.conversations.start({ id: conversationId });
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId, { suppressEvent: true, wrapupCode: 'single' });
    const [record] = await recorded(conversationId, 1, BY_LOOKUP_MS);
    simulator.genesys.faults.clear();
    expect(record).toMatchObject({ obtainedBy: 'lookup', wrapup: { code: 'single' } });
  }, 90_000);

  it('does not take work that ended before the interaction began', async () => {
    const conversationId = randomUUID();
    const { conversations } = simulator.genesys;
    conversations.start({ id: conversationId, startedAt: Date.now() - 600_000 });
    conversations.finishWork(conversationId, { eventTime: Date.now() - 300_000, wrapupCode: 'old' });
    await handIn({ conversationId });
    await listened(conversationId);
    conversations.reopen(conversationId, {});
    conversations.finishWork(conversationId, { wrapupCode: 'new' });
    expect((await recorded(conversationId)).map((record) => record.wrapup.code)).toEqual(['new']);
  });

  it('cancels one that waits, twice the same, and unsubscribes; not one that is captured', async () => {
    const conversationId = randomUUID();
    const { id } = await handIn({ conversationId });
    await listened(conversationId);
    const first = await gateway.call('delete', `/customers/supportInteraction/${id}`).expect(200);
    expect(first.body).toMatchObject({ id, status: 'cancelled', cancelledAt: expect.any(String) });
    const second = await gateway.call('delete', `/customers/supportInteraction/${id}`).expect(200);
    expect(second.body).toEqual(first.body);
    await released(conversationId);

    const done = randomUUID();
    const captured = await handIn({ conversationId: done });
    await listened(done);
    simulator.genesys.conversations.finishWork(done);
    await recorded(done);
    const refused = await gateway.call('delete', `/customers/supportInteraction/${captured.id}`).expect(409);
    expect(refused.body).toMatchObject({ statusCode: 409, code: 'interaction.captured' });
  });

  it('begins anew under the same id what was cancelled and is handed in again, also with other contents', async () => {
    const conversationId = randomUUID();
    const { id } = await handIn({ conversationId, subject: 'first' });
    await listened(conversationId);
    await gateway.call('delete', `/customers/supportInteraction/${id}`).expect(200);
    await released(conversationId);
    expect(await handIn({ conversationId, subject: 'first' })).toMatchObject({ id, status: 'accepted' });
    await listened(conversationId);
    await handIn({ conversationId, subject: 'first' }, 200);
    await handIn({ conversationId, subject: 'second' }, 409);
    await gateway.call('delete', `/customers/supportInteraction/${id}`).expect(200);
    expect(await handIn({ conversationId, subject: 'second' })).toMatchObject({ id, status: 'accepted' });
    const { body } = await gateway.call('get', `/customers/supportInteraction/${id}`).expect(200);
    expect(body).toMatchObject({ id, subject: 'second' });
    expect(body).not.toHaveProperty('cancelledAt');
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId);
    expect(await recorded(conversationId)).toMatchObject([{ interactionId: id, subject: 'second' }]);
  });

  it('completes a waiting interaction with a result that is handed in', async () => {
    const conversationId = randomUUID();
    const { id } = await handIn({ conversationId, subject: 'from the interaction' });
    await listened(conversationId);
    const result = { conversationId, customerId: 'C-1', wrapupCode: 'by-hand', wrapupNotes: 'done' };
    const answer = await gateway.call('post', '/customers/supportResult').send(result).expect(202);
    expect(answer.body).toMatchObject({ id, conversationId, status: 'captured' });
    const [record] = await recorded(conversationId);
    expect(record).toMatchObject({
      interactionId: id,
      source: 'manual',
      obtainedBy: 'manual',
      subject: 'from the interaction',
      wrapup: { code: 'by-hand', notes: 'done' },
    });
    await released(conversationId);
    const again = await gateway.call('post', '/customers/supportResult').send(result).expect(200);
    expect(again.body).toMatchObject({ id, createdAt: answer.body.createdAt });
    const other = await gateway
      .call('post', '/customers/supportResult')
      .send({ ...result, wrapupCode: 'another' })
      .expect(409);
    expect(other.body).toMatchObject({ code: 'interaction.conflict' });
    simulator.genesys.conversations.finishWork(conversationId);
    expect(recordsOf(conversationId)).toHaveLength(1);
  });

  it('makes an interaction for a result that nobody waited for', async () => {
    const conversationId = randomUUID();
    const answer = await gateway
      .call('post', '/customers/supportResult')
      .send({ conversationId, customerId: 'C-9', wrapupCode: 'alone', endedAt: '2026-01-31T12:00:00+02:00' })
      .expect(202);
    expect(await recorded(conversationId)).toEqual([
      expect.objectContaining({
        interactionId: answer.body.id,
        customerId: 'C-9',
        wrapup: { code: 'alone' },
        endedAt: '2026-01-31T10:00:00.000Z',
      }),
    ]);
  });

  it('makes a dead letter of a record that is refused, and sends it again under the same key', async () => {
    const conversationId = randomUUID();
    const { id } = await handIn({ conversationId });
    await listened(conversationId);
    simulator.history.fail({ status: 422, count: 1 });
    simulator.genesys.conversations.finishWork(conversationId);
    await simulator.history.waitFor(() => simulator.history.received.some((each) => each.status === 422));
    await released(conversationId);
    const { body } = await gateway.call('get', `/customers/supportInteraction/${id}`).expect(200);
    expect(body).toMatchObject({
      status: 'dead',
      deliveryAttempts: 1,
      lastError: { message: expect.stringContaining('422') },
    });
    const letters = await gateway.call('get', '/ops/dead-letters', 'admin').expect(200);
    expect(letters.body.items).toEqual([expect.objectContaining({ interactionId: id, lastStatus: 422 })]);
    const recordId = letters.body.items[0].recordId as string;
    await gateway.call('post', `/ops/dead-letters/${recordId}/replay`, 'admin').expect(202);
    await recorded(conversationId);
    const keys = simulator.history.received.filter((each) => each.key === recordId).map((each) => each.status);
    expect(keys).toEqual([422, 201]);
    await gateway.call('get', '/ops/dead-letters', 'admin').expect(200, { items: [] });
  });

  it('releases the topic after a first failed attempt, and delivers when the history service is back', async () => {
    const conversationId = randomUUID();
    await handIn({ conversationId });
    await listened(conversationId);
    simulator.history.fail({ status: 503 });
    simulator.genesys.conversations.finishWork(conversationId);
    await released(conversationId);
    expect(recordsOf(conversationId)).toEqual([]);
    simulator.history.recover();
    expect(await recorded(conversationId)).toHaveLength(1);
    const keys = new Set(simulator.history.received.filter((each) => each.status === 503).map((each) => each.key));
    expect(keys.size).toBe(1);
  });
});
