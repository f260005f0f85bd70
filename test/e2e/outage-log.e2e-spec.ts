import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess, LogLine } from '../helpers/gateway-process.js';
import { ProcessScene, call, eventually, handIn } from '../helpers/process-scene.js';
import { TcpProxy } from '../helpers/tcp-proxy.js';

/** Long enough for a dozen tries of everything that retries. */
const OUTAGE_MS = 30_000;

/**
 * Each of a dozen parts may say once that it fails, and that it works again. In a day 28 repeats a part come to that: with
 * half a kilobyte a line far below a megabyte.
 */
const MAX_LINES = 40;
const MAX_BYTES = 25_000;

describe('the log of an outage', () => {
  let scene: ProcessScene;
  let proxy: TcpProxy;

  beforeEach(async () => {
    scene = await ProcessScene.open('postgres');
  });

  afterEach(async () => {
    await scene.close();
    await proxy.stop();
  });

  async function through(url: string): Promise<string> {
    const behind = new URL(url);
    proxy = await TcpProxy.start(Number(behind.port));
    behind.port = String(proxy.port);
    return behind.href;
  }

  async function outageOf(gateway: GatewayProcess, meanwhile: () => Promise<unknown>): Promise<LogLine[]> {
    const before = gateway.logs.length;
    proxy.cut();
    for (const end = performance.now() + OUTAGE_MS; performance.now() < end; await sleep(1_000)) await meanwhile();
    proxy.restore();
    return gateway.logs.slice(before);
  }

  function expectFew(lines: readonly LogLine[]): void {
    const told = lines.map((line) => JSON.stringify(line));
    expect({ lines: told.length, told: told.length > MAX_LINES ? told : [] }).toEqual({
      lines: expect.any(Number),
      told: [],
    });
    expect(told.join('\n').length).toBeLessThan(MAX_BYTES);
    expect(told.filter((line) => line.includes('\\n    at '))).toEqual([]);
    expect(lines.filter(({ level, cause }) => level === 'warn' && cause !== undefined).length).toBeGreaterThan(0);
  }

  it('of the database is few lines, with the cause and without stacks', async () => {
    if (scene.target.kind !== 'postgres') throw new Error('not PostgreSQL');
    const gateway = await scene.start({ DATABASE_URL: await through(scene.target.url) });
    const accepted = await scene.accept(gateway);
    await scene.subscribed(accepted);
    const lines = await outageOf(gateway, async () => {
      await Promise.all([handIn(gateway, randomUUID()), call(gateway, 'GET', '/health/ready')]);
    });
    expectFew(lines);
    await eventually(async () => (await call(gateway, 'GET', '/health/ready')).status === 200);
    await gateway.logged(({ msg }) => msg === 'the database: works again');
  }, 90_000);

  it("of Genesys Cloud's is few lines", async () => {
    const url = await through(scene.simulator.apiUrl);
    const gateway = await scene.start({ GENESYS_API_URL: url, LOOKUP_SWEEP_S: '1' });
    const accepted = await Promise.all(Array.from({ length: 5 }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    // Its sockets are not behind the proxy: they are lost, and refused.
    scene.simulator.genesys.faults.refuseUpgrade({ count: 1_000 });
    scene.simulator.genesys.faults.closeSocket('all');
    expectFew(await outageOf(gateway, () => handIn(gateway, randomUUID())));
  }, 90_000);

  it('of the history service is few lines', async () => {
    const gateway = await scene.start({ HISTORY_URL: await through(scene.simulator.historyUrl) });
    const accepted = await Promise.all(Array.from({ length: 20 }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    for (const { conversationId } of accepted) scene.simulator.genesys.conversations.finishWork(conversationId);
    const lines = await outageOf(gateway, () => call(gateway, 'GET', '/health', { as: 'admin' }));
    expect(lines.length).toBeLessThan(MAX_LINES);
    await scene.delivered(gateway, 20);
  }, 90_000);
});
