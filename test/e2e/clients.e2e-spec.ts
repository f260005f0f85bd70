import { type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';

describe('GET /ops/clients', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget('sqlite');
    gateway = await startGateway(simulator, database.target, { CHANNEL_MAX_COUNT: '5', LOOKUP_SWEEP_S: '1' });
  });

  afterEach(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  interface Client {
    channels: unknown;
    budget: { usedLastMinute: number; pausedUntil: string | null };
    requests: {
      total: number;
      byOperation: Record<string, number>;
      interactions: number;
      perInteraction: number | null;
    };
  }
  const read = async (): Promise<Client> => {
    const { body } = await gateway.call('get', '/ops/clients', 'viewer').expect(200);
    expect(body.items).toEqual([expect.objectContaining({ name: 'default' })]);
    return body.items[0] as Client;
  };

  it('tells what was asked of Genesys, and for how many interactions', async () => {
    expect(await read()).toMatchObject({
      channels: { inUse: 0, max: 5 },
      requests: { perDay: null, interactions: 0, perInteraction: null },
    });
    const items = [await handIn(gateway), await handIn(gateway)];
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === items.length);
    await simulator.genesys.waitFor(() => simulator.genesys.requests.some(({ path }) => path.includes('/analytics/')));
    const { channels, requests, budget } = await read();
    expect(channels).toEqual({ inUse: 1, max: 5 });
    expect(requests).toMatchObject({ interactions: 2, byOperation: { 'create-channel': 1 } });
    expect(requests.byOperation['get-conversation-details']).toBeGreaterThanOrEqual(1);
    expect(requests.perInteraction).toBe(requests.total / 2);
    expect(budget).toMatchObject({ usedLastMinute: requests.total, pausedUntil: null });
    const metrics = await gateway.call('get', '/metrics', 'admin').expect(200);
    expect(metrics.text).toMatch(/^gateway_genesys_requests_per_interaction \d/m);
    expect(metrics.text).not.toMatch(/^gateway_genesys_requests_day /m);
  });

  it('tells until when Genesys wants no requests', async () => {
    simulator.genesys.faults.rateLimit({ count: 1, retryAfterS: 90 });
    await handIn(gateway);
    await simulator.genesys.waitFor(() => simulator.genesys.requests.some(({ status }) => status === 429));
    const pausedUntil = Date.parse((await read()).budget.pausedUntil ?? '');
    expect(Math.abs(pausedUntil - Date.now() - 90_000)).toBeLessThan(10_000);
  });

  it('is for viewers, and not for who hands in', async () => {
    await gateway.call('get', '/ops/clients').expect(403);
    await gateway.call('get', '/ops/clients', 'nobody').expect(401);
  });
});
