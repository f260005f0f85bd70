import { randomUUID } from 'node:crypto';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

describe.each(['sqlite', 'postgres'] as const)('1,500 interactions at once (%s)', (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target, { CHANNEL_LINGER_MS: '200' });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  it('use two channels, are delivered once each, and leave nothing behind', async () => {
    const conversations = Array.from({ length: 1_500 }, () => randomUUID());
    for (let from = 0; from < conversations.length; from += 100) {
      await Promise.all(
        conversations
          .slice(from, from + 100)
          .map((conversationId) =>
            gateway
              .call('post', '/customers/supportInteraction')
              .send({ conversationId, customerId: 'C-1' })
              .expect(202),
          ),
      );
    }
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === 1_500, 20_000);
    const sizes = simulator.genesys.channels().map((channel) => channel.topics.length);
    expect(sizes.sort((a, b) => b - a)).toEqual([1_000, 500]);
    for (const id of conversations) simulator.genesys.conversations.finishWork(id);
    await simulator.history.waitFor(() => simulator.history.records.size === 1_500, 20_000);
    await simulator.genesys.waitFor(
      () => simulator.genesys.channels().every((channel) => !channel.connected && channel.topics.length === 0),
      20_000,
    );
    expect(simulator.history.repeats).toBe(0);
    const { body } = await gateway.call('get', '/ops/ledger', 'admin').expect(200);
    expect(body).toMatchObject({ delivered: 1_500, total: 1_500 });
    const channels = await gateway.call('get', '/ops/channels', 'admin').expect(200);
    expect(channels.body.items).toEqual([]);
  });
});
