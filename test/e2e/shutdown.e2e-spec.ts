import { openDatabase } from '../helpers/databases.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { type Accepted, call, handIn, interaction, ProcessScene } from '../helpers/process-scene.js';

const CONVERSATION = '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1';

/** Defaults of SHUTDOWN_GRACE_S and HISTORY_TIMEOUT_MS. */
const GRACE_MS = 20_000;
const HISTORY_TIMEOUT_MS = 10_000;

describe.each(['sqlite', 'postgres'] as const)('SIGTERM (%s)', (kind) => {
  let scene: ProcessScene;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    scene = await ProcessScene.open(kind);
  });

  afterEach(() => scene.close());

  /** An interaction whose record the history has got and not answered yet. */
  async function deliverySent(): Promise<Accepted> {
    const { genesys, history } = scene.simulator;
    const accepted = await scene.accept(gateway);
    await scene.subscribed(accepted);
    genesys.conversations.finishWork(accepted.conversationId);
    await history.waitFor(() => history.received.length === 1);
    return accepted;
  }

  /** Nobody is left who claims to be alive, or to be delivering something. */
  async function expectNothingHeld(): Promise<void> {
    const database = await openDatabase(scene.target);
    try {
      expect(await database.db.selectFrom('replicas').select('id').execute()).toEqual([]);
      const claims = await database.db.selectFrom('deliveries').select(['claimed_by', 'crashes']).execute();
      for (const claim of claims) expect(claim).toEqual({ claimed_by: null, crashes: 0 });
    } finally {
      await database.close();
    }
  }

  it('ends an idle process with 0 long before the grace is over, and its sockets with 1000', async () => {
    const codes: number[] = [];
    scene.simulator.genesys.on('disconnected', ({ code }) => codes.push(code));
    gateway = await scene.start();
    await scene.subscribed(await scene.accept(gateway));
    const began = performance.now();
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(performance.now() - began).toBeLessThan(GRACE_MS / 2);
    expect(codes).toEqual([1000]);
    await expectNothingHeld();
  });

  it('finishes the delivery under way, refuses intake meanwhile, and is not ready', async () => {
    const { history } = scene.simulator;
    gateway = await scene.start();
    history.fail({ status: 201, count: 1, delayMs: 2_000 });
    const accepted = await deliverySent();
    const ended = gateway.end('SIGTERM');
    await gateway.logged((line) => line['to'] === 'draining');
    expect(await handIn(gateway, CONVERSATION)).toMatchObject({ status: 503, body: { code: 'shutdown.in-progress' } });
    // Whoever has no key learns nothing but that.
    const stranger = await fetch(`${gateway.url}/customers/supportInteraction`, { method: 'POST' });
    expect(stranger.status).toBe(401);
    expect(await call(gateway, 'GET', '/health/ready')).toMatchObject({ status: 503 });
    expect(await call(gateway, 'GET', '/health/live')).toMatchObject({ status: 200 });
    expect(await ended).toBe(0);
    await expectNothingHeld();

    gateway = await scene.start();
    expect(await interaction(gateway, accepted)).toMatchObject({ status: 'delivered', deliveryAttempts: 1 });
    await gateway.end('SIGTERM');
    expect(history.received).toHaveLength(1);
  });

  it('waits for a history that hangs no longer than SHUTDOWN_GRACE_S, and the attempt does not count', async () => {
    const { history } = scene.simulator;
    gateway = await scene.start({ SHUTDOWN_GRACE_S: '1' });
    history.faults.hang({ count: 1 });
    const accepted = await deliverySent();
    const began = performance.now();
    expect(await gateway.end('SIGTERM')).toBe(0);
    // Not the 10 s that the history service would have been waited for.
    expect(performance.now() - began).toBeLessThan(HISTORY_TIMEOUT_MS / 2);
    await expectNothingHeld();

    gateway = await scene.start();
    await scene.delivered(gateway, 1);
    await scene.expectOnce(gateway, [accepted]);
    expect(await interaction(gateway, accepted)).toMatchObject({ status: 'delivered', deliveryAttempts: 1 });
  });

  it('comes twice: the second ends the process at once, and nothing is lost', async () => {
    const { history } = scene.simulator;
    gateway = await scene.start();
    history.faults.hang({ count: 1 });
    const accepted = await deliverySent();
    gateway.child.kill('SIGTERM');
    await gateway.logged((line) => line['to'] === 'draining');
    const began = performance.now();
    expect(await gateway.end('SIGTERM')).toBe(1);
    expect(performance.now() - began).toBeLessThan(GRACE_MS / 2);

    gateway = await scene.start();
    await scene.delivered(gateway, 1);
    await scene.expectOnce(gateway, [accepted]);
  });

  it('makes durable what arrives until the sockets are closed', async () => {
    const { genesys } = scene.simulator;
    gateway = await scene.start();
    const accepted = await Promise.all(Array.from({ length: 30 }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    gateway.child.kill('SIGTERM');
    const sent = accepted.filter((each) => genesys.conversations.finishWork(each.conversationId).sentTo.length > 0);
    expect(sent).toHaveLength(30);
    expect(await gateway.exited).toBe(0);
    gateway = await scene.start();
    await scene.delivered(gateway, 30);
    await scene.expectOnce(gateway, accepted);
  });
});
