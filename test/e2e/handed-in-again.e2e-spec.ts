import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { recordIdOf } from '../../src/history/record.js';
import type { Environment } from '../../src/config/environment.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

const PATH = '/customers/supportInteraction';

describe.each(['sqlite', 'postgres'] as const)('an expired interaction that is handed in again (%s)', (kind) => {
  let simulator: Simulator;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let gateway: RunningGateway;

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const start = async (environment: Environment = {}): Promise<void> => {
    gateway = await startGateway(simulator, database.target, { LOOKUP_SWEEP_S: '0.2', ...environment });
  };
  const handIn = (conversationId: string, subject: string) =>
    gateway
      .call('post', PATH)
      .set('X-Correlation-Id', `of-the-${subject}`)
      .send({ conversationId, customerId: 'C-1', subject });
  const get = async (id: string): Promise<Record<string, unknown>> =>
    (await gateway.call('get', `${PATH}/${id}`).expect(200)).body as Record<string, unknown>;
  const reached = async (id: string, status: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const interaction = await get(id);
      if (interaction['status'] === status) return interaction;
      await sleep(20);
    }
  };

  /** Resolves after at least one more look-up, of at most two requests, is over: the next has begun. */
  const lookedUp = (): Promise<boolean> => {
    const requests = (): number =>
      simulator.genesys.requests.filter(({ path }) => path.includes('/conversations')).length;
    const before = requests();
    return simulator.genesys.waitFor(() => requests() > before + 2, 20_000);
  };

  it('begins anew, and its record is of the second life alone', async () => {
    await start({ INTERACTION_TTL_HOURS: '0.0002' });
    const conversationId = randomUUID();
    const { conversations } = simulator.genesys;
    conversations.start({ id: conversationId, startedAt: Date.now() - 600_000 });
    const { body: first } = await handIn(conversationId, 'first').expect(202);
    const id = first.id as string;
    const expired = await reached(id, 'expired');
    // Work of before the second life: it is in all look-ups to come.
    conversations.finishWork(conversationId, { eventTime: Date.now() - 300_000, wrapupCode: 'old' });
    await gateway.stop();
    await start();
    const { body: second } = await handIn(conversationId, 'second').expect(202);
    expect(second).toMatchObject({ id, status: 'accepted' });
    expect(Date.parse(second.createdAt as string)).toBeGreaterThan(Date.parse(expired['expiredAt'] as string));
    const begun = await get(id);
    expect(begun).toMatchObject({ subject: 'second', correlationId: 'of-the-second', recordId: recordIdOf(id) });
    expect(begun).not.toHaveProperty('expiredAt');
    expect(begun).not.toHaveProperty('lastError');
    await handIn(conversationId, 'second').expect(200);
    await handIn(conversationId, 'first').expect(409);
    await reached(id, 'listening');
    await lookedUp();
    conversations.reopen(conversationId, {});
    conversations.finishWork(conversationId, { wrapupCode: 'new' });
    expect(await reached(id, 'delivered')).toMatchObject({ deliveryAttempts: 1 });
    const { received } = simulator.history;
    expect(received.map(({ key }) => key)).toEqual([recordIdOf(id)]);
    expect(received[0]?.body).toMatchObject({ interactionId: id, subject: 'second', wrapup: { code: 'new' } });
    // It has its one record: what was is over, and nothing begins anew any more.
    await handIn(conversationId, 'second').expect(200);
    const { body: ledger } = await gateway.call('get', '/ops/ledger', 'admin').expect(200);
    expect(ledger).toMatchObject({ delivered: 1, expired: 0, total: 1 });
  });
});
