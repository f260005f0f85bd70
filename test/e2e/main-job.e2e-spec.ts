import { randomUUID } from 'node:crypto';
import { startSimulator, type Simulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

describe.each(['sqlite', 'postgres'] as const)('the main job (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target, {
      HISTORY_TOKEN: 'history-token',
      CHANNEL_LINGER_MS: '200',
    });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  it('takes an interaction from the call to the record', async () => {
    const conversationId = randomUUID();
    const topic = `v2.detail.events.conversation.${conversationId}.acw`;
    const accepted = await gateway
      .call('post', '/customers/supportInteraction')
      .send({ conversationId, customerId: 'C-1001', subject: 'Invoice 77' })
      .expect(202);
    await simulator.genesys.waitFor(() => simulator.genesys.topics().includes(topic));
    simulator.genesys.conversations.finishWork(conversationId, { wrapupNotes: 'called back' });
    await simulator.history.waitFor(() => simulator.history.records.size === 1);
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === 0);
    const { body } = await gateway.call('get', `/customers/supportInteraction/${accepted.body.id}`).expect(200);
    expect(body).toMatchObject({ status: 'delivered', deliveryAttempts: 1 });
  });
});
