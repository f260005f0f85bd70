import type { GatewayProcess } from '../helpers/gateway-process.js';
import {
  type Accepted,
  bodyOf,
  call,
  eventually,
  interaction,
  ledgerOf,
  ProcessScene,
} from '../helpers/process-scene.js';

describe.each(['sqlite', 'postgres'] as const)('a killed process loses nothing and repeats nothing (%s)', (kind) => {
  let scene: ProcessScene;
  let gateway: GatewayProcess;
  let accepted: Accepted;

  beforeEach(async () => {
    scene = await ProcessScene.open(kind);
    gateway = await scene.start();
    accepted = await scene.accept(gateway);
  });

  afterEach(() => scene.close());

  /** One record, under the key that the interaction has named since before the kill. */
  async function expectOneRecord(recordId: unknown): Promise<void> {
    await scene.delivered(gateway, 1);
    await scene.expectOnce(gateway, [accepted]);
    expect([...scene.simulator.history.records.keys()]).toEqual([recordId]);
    expect(await interaction(gateway, accepted)).toMatchObject({ status: 'delivered', recordId });
  }

  it('after the 202 and before the event: the agent finishes later', async () => {
    const { recordId } = await interaction(gateway, accepted);
    await gateway.end('SIGKILL');
    gateway = await scene.start();
    await scene.subscribed(accepted);
    scene.simulator.genesys.conversations.finishWork(accepted.conversationId);
    await expectOneRecord(recordId);
    expect(bodyOf(scene.attemptsOf(accepted)[0])).toMatchObject({ obtainedBy: 'event', recordId });
    expect(scene.attemptsOf(accepted)).toHaveLength(1);
  });

  it('after the 202, and the event is lost meanwhile: found by asking', async () => {
    const { recordId } = await interaction(gateway, accepted);
    await scene.subscribed(accepted);
    await gateway.end('SIGKILL');
    const { sentTo } = scene.simulator.genesys.conversations.finishWork(accepted.conversationId);
    expect(sentTo).toEqual([]);
    gateway = await scene.start();
    await expectOneRecord(recordId);
    expect(bodyOf(scene.attemptsOf(accepted)[0])).toMatchObject({ obtainedBy: 'lookup', recordId });
    expect(scene.attemptsOf(accepted)).toHaveLength(1);
  });

  /** The work is done and the history has got the record so many times. */
  async function finishAndReach(attempts: number): Promise<unknown> {
    const { history, genesys } = scene.simulator;
    await scene.subscribed(accepted);
    genesys.conversations.finishWork(accepted.conversationId);
    await history.waitFor(() => history.received.length >= attempts);
    const { status, recordId } = await interaction(gateway, accepted);
    expect(status).toBe('captured');
    return recordId;
  }

  it('when the event is durable and the history hangs: sent again under the same key', async () => {
    scene.simulator.history.faults.hang();
    const recordId = await finishAndReach(1);
    await gateway.end('SIGKILL');
    scene.simulator.history.recover();
    gateway = await scene.start();
    await expectOneRecord(recordId);
    expect(scene.attemptsOf(accepted).map(({ key }) => key)).toEqual([recordId, recordId]);
    // The attempt that died with the process is our own fault.
    expect(await interaction(gateway, accepted)).toMatchObject({ deliveryAttempts: 1 });
  });

  it('when the event is durable and the history refuses for now: sent again under the same key', async () => {
    scene.simulator.history.fail({ status: 503 });
    const recordId = await finishAndReach(2);
    await gateway.end('SIGKILL');
    scene.simulator.history.recover();
    gateway = await scene.start();
    await expectOneRecord(recordId);
    expect(new Set(scene.attemptsOf(accepted).map(({ key }) => key))).toEqual(new Set([recordId]));
  });

  it('when the history keeps the record and resets the connection: kept once', async () => {
    scene.simulator.history.faults.resetAfterBody();
    const recordId = await finishAndReach(2);
    await gateway.end('SIGKILL');
    scene.simulator.history.recover();
    gateway = await scene.start();
    await expectOneRecord(recordId);
    expect(scene.simulator.history.repeats).toBeGreaterThan(0);
  });

  it('when the history keeps the record and its answer does not come: kept once', async () => {
    scene.simulator.history.faults.hang({ store: true });
    const recordId = await finishAndReach(1);
    await gateway.end('SIGKILL');
    scene.simulator.history.recover();
    gateway = await scene.start();
    await expectOneRecord(recordId);
    expect(scene.attemptsOf(accepted).map(({ repeat }) => repeat)).toEqual([false, true]);
  });

  it('three times right after it was sent: put aside for an operator, who has it sent again', async () => {
    const { history } = scene.simulator;
    history.faults.hang();
    const recordId = await finishAndReach(1);
    for (let kills = 1; kills <= 3; kills++) {
      // The last chance comes only after the process has lived for 10 s.
      await history.waitFor(() => history.received.length === kills, 20_000);
      await gateway.end('SIGKILL');
      gateway = await scene.start();
    }
    await eventually(async () => (await ledgerOf(gateway))['dead'] === 1);
    expect(await interaction(gateway, accepted)).toMatchObject({
      status: 'dead',
      lastError: { code: 'delivery.crash' },
    });
    history.recover();
    const replay = await call(gateway, 'POST', `/ops/dead-letters/${String(recordId)}/replay`, {
      as: 'admin',
      body: {},
    });
    expect(replay.status).toBeLessThan(300);
    await expectOneRecord(recordId);
    expect(await interaction(gateway, accepted)).toMatchObject({ deliveryAttempts: 1 });
  }, 60_000);
});
