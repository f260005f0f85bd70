import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { gatewayEnvironment, KEYS } from '../helpers/environment.js';
import { type GatewayProcess, spawnGateway } from '../helpers/gateway-process.js';

const LETTERS = 40;
/** Two seconds for all of them: time to be interrupted. */
const RATE = 20;

type Body = Record<string, unknown>;

async function ask(gateway: GatewayProcess, method: string, path: string, key: string, body?: object): Promise<Body> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
}

describe.each(['sqlite', 'postgres'] as const)('a replay whose process ends (%s)', (kind) => {
  let simulator: Simulator;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  const gateways: GatewayProcess[] = [];

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
  });

  afterEach(async () => {
    await Promise.all(gateways.splice(0).map((gateway) => gateway.end('SIGKILL')));
    await simulator.stop();
    await database.remove();
  });

  async function start(): Promise<GatewayProcess> {
    const gateway = await spawnGateway(gatewayEnvironment(simulator, database.target, { RETRY_BASE_MS: '20' }));
    gateways.push(gateway);
    return gateway;
  }

  async function until(gateway: GatewayProcess, path: string, fits: (body: Body) => boolean): Promise<Body> {
    const giveUpAt = Date.now() + 20_000;
    for (;;) {
      const body = await ask(gateway, 'GET', path, KEYS.admin);
      if (fits(body)) return body;
      if (Date.now() > giveUpAt) throw new Error(`${path} is ${JSON.stringify(body)} after 20 s`);
      await delay(10);
    }
  }

  /** All letters dead, and a job under way that has sent some of them again. */
  async function underWay(): Promise<{ gateway: GatewayProcess; path: string }> {
    const gateway = await start();
    simulator.history.fail({ status: 422, count: LETTERS });
    for (let i = 0; i < LETTERS; i++) {
      const result = { conversationId: randomUUID(), customerId: 'C-1', wrapupCode: 'x' };
      await ask(gateway, 'POST', '/customers/supportResult', KEYS.intake, result);
    }
    await until(gateway, '/ops/ledger', ({ dead }) => dead === LETTERS);
    const { id } = await ask(gateway, 'POST', '/ops/dead-letters/replay', KEYS.admin, { ratePerSecond: RATE });
    const path = `/ops/replays/${String(id)}`;
    await until(gateway, path, ({ replayed }) => (replayed as number) >= LETTERS / 4);
    return { gateway, path };
  }

  async function expectAllOnce(gateway: GatewayProcess, path: string): Promise<void> {
    const job = await until(gateway, path, ({ status }) => status === 'done');
    // Nothing was revived twice and nothing left out.
    expect(job).toMatchObject({ total: LETTERS, replayed: LETTERS, skipped: 0, requestedBy: 'operator' });
    const ledger = await until(gateway, '/ops/ledger', ({ delivered }) => delivered === LETTERS);
    expect(ledger).toMatchObject({ total: LETTERS, dead: 0, captured: 0 });
    const { records, received, conflicts } = simulator.history;
    expect(records.size).toBe(LETTERS);
    expect(conflicts).toEqual([]);
    expect(new Set(received.map(({ key }) => key)).size).toBe(LETTERS);
    const { details } = await ask(gateway, 'GET', '/health', KEYS.admin);
    expect((details as { ledger: Body }).ledger).toMatchObject({ status: 'up', differences: {} });
  }

  it('goes on after kill -9 where it was', async () => {
    const { gateway, path } = await underWay();
    await gateway.end('SIGKILL');
    const next = await start();
    const seen = await ask(next, 'GET', path, KEYS.admin);
    expect(seen['replayed']).toBeLessThan(LETTERS);
    expect(seen['status']).toBe('running');
    await expectAllOnce(next, path);
  });

  it('goes on after an orderly restart', async () => {
    const { gateway, path } = await underWay();
    expect(await gateway.end('SIGTERM')).toBe(0);
    await expectAllOnce(await start(), path);
  });

  if (kind === 'sqlite') return;

  it.each(['SIGTERM', 'SIGKILL'] as const)('goes on at another replica after %s', async (signal) => {
    const { gateway, path } = await underWay();
    const other = await start();
    await gateway.end(signal);
    await expectAllOnce(other, path);
  });
});
