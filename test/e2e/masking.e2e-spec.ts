import { randomUUID } from 'node:crypto';
import { Stage } from '../helpers/tables-stage.js';

const CUSTOMER = {
  customerId: 'C-4711-secret',
  subject: 'subject-secret',
  notes: 'notes-secret',
  attributes: { caseId: 'case-secret' },
};

describe.each(['sqlite', 'postgres'] as const)('who sees what speaks of a customer (%s)', (kind) => {
  let stage: Stage;
  let id: string;
  beforeAll(async () => {
    stage = await Stage.start({}, kind);
    id = (await stage.post('/customers/supportInteraction', { conversationId: randomUUID(), ...CUSTOMER })).body.id;
  });
  afterAll(() => stage.stop());

  const audit = async (): Promise<object[]> => (await stage.ask('/ops/audit', { as: 'admin' })).body.items;
  const one = (query = ''): string => `/customers/supportInteraction/${id}${query}`;

  it.each(['viewer', 'operator', 'privacy', 'admin'] as const)(
    'masks it for %s, who did not ask to see it, in the one and in the list',
    async (as) => {
      const single = await stage.ask(one(), { as });
      expect(single.body).toMatchObject({
        id,
        status: expect.any(String),
        customerId: '***',
        subject: '***',
        notes: '***',
        attributes: { caseId: '***' },
      });
      const list = await stage.ask('/customers/supportInteraction', { as });
      expect(list.body.items).toEqual([expect.objectContaining({ id, customerId: '***' })]);
      expect(single.text + list.text).not.toContain('secret');
      expect(await audit()).toEqual([]);
    },
  );

  it('shows it to intake, who handed it in', async () => {
    expect((await stage.ask(one(), { as: 'intake' })).body).toMatchObject(CUSTOMER);
    const list = await stage.ask('/customers/supportInteraction', { as: 'intake' });
    expect(list.body.items).toMatchObject([CUSTOMER]);
  });

  it('reveals it to those who may see it only, and writes down who asked', async () => {
    for (const as of ['viewer', 'operator', 'intake'] as const) {
      const refused = await stage.ask(one('?reveal=true'), { as });
      expect(refused).toMatchObject({
        status: 403,
        body: { code: 'access.forbidden', message: expect.stringContaining('one of the roles privacy, admin') },
      });
    }
    expect(await audit()).toEqual([]);
    expect((await stage.ask(one('?reveal=true'), { as: 'privacy' })).body).toMatchObject(CUSTOMER);
    const list = await stage.ask('/customers/supportInteraction?reveal=true', { as: 'admin' });
    expect(list.body.items).toMatchObject([CUSTOMER]);
    expect(await audit()).toEqual([
      { at: expect.any(String), actor: 'operator', action: 'reveal', target: 'interactions', details: { ids: [id] } },
      { at: expect.any(String), actor: 'dpo', action: 'reveal', target: id, details: {} },
    ]);
  });

  it('lists the interactions of one customer', async () => {
    const idsOf = async (query: string): Promise<string[]> =>
      (await stage.ask(`/customers/supportInteraction?${query}`)).body.items.map((each: { id: string }) => each.id);
    const { customerId, status } = (await stage.ask(one())).body;
    expect(await idsOf(`customerId=${customerId}`)).toEqual([id]);
    expect(await idsOf(`customerId=${customerId}&status=${status}`)).toEqual([id]);
    expect(await idsOf(`customerId=${customerId}-other`)).toEqual([]);
    expect((await stage.ask('/customers/supportInteraction?customerId=')).status).toBe(400);
  });

  it('lists what was accepted in a stretch of time', async () => {
    const { createdAt } = (await stage.ask(one())).body;
    const after = new Date(Date.parse(createdAt) + 1).toISOString();
    const idsOf = async (query: string): Promise<string[]> =>
      (await stage.ask(`/customers/supportInteraction?${query}`)).body.items.map((each: { id: string }) => each.id);
    expect(await idsOf(`acceptedAfter=${createdAt}&acceptedBefore=${after}`)).toEqual([id]);
    expect(await idsOf(`acceptedAfter=${after}`)).toEqual([]);
    expect(await idsOf(`acceptedBefore=${createdAt}`)).toEqual([]);
    expect((await stage.ask('/customers/supportInteraction?acceptedAfter=yesterday')).status).toBe(400);
  });

  it('writes down who cancelled, once, and answers him masked', async () => {
    const before = (await audit()).length;
    const cancelled = await stage.ask(one(), { method: 'DELETE', as: 'operator' });
    expect(cancelled).toMatchObject({ status: 200, body: { id, status: 'cancelled', customerId: '***' } });
    expect((await stage.ask(one(), { method: 'DELETE', as: 'operator' })).status).toBe(200);
    expect((await stage.ask(one(), { method: 'DELETE', as: 'viewer' })).status).toBe(403);
    const rows = await audit();
    expect(rows).toHaveLength(before + 1);
    expect(rows[0]).toMatchObject({ actor: 'shift', action: 'interaction.cancel', target: id });
  });
});
