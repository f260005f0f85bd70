import { ProcessScene, type Accepted } from '../helpers/process-scene.js';
import type { GatewayProcess, LogLine } from '../helpers/gateway-process.js';

describe("the log of the history service's failures", () => {
  let scene: ProcessScene;
  let gateway: GatewayProcess;
  const lines = (): LogLine[] =>
    gateway.logs.filter(({ component, level }) => component === 'delivery' && level !== 'debug');

  beforeEach(async () => {
    scene = await ProcessScene.open('sqlite');
    gateway = await scene.start();
  });
  afterEach(() => scene.close());

  async function captured(count: number): Promise<Accepted[]> {
    const accepted = await Promise.all(Array.from({ length: count }, () => scene.accept(gateway)));
    await scene.subscribed(...accepted);
    const { conversations } = scene.simulator.genesys;
    for (const { conversationId } of accepted) conversations.finishWork(conversationId);
    return accepted;
  }

  it.each([
    [401, 'the history service answered 401: check HISTORY_TOKEN'],
    [503, 'the history service answered 503'],
  ])('tells the first %i with what is to be done, and the end', async (status, cause) => {
    scene.simulator.history.fail({ status, count: 3 });
    const [accepted] = await captured(1);
    await scene.delivered(gateway, 1);
    await gateway.logged(({ msg }) => msg === 'the receiver: works again');
    expect(lines()).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'the receiver: failing',
        sink: 'history',
        interaction: accepted?.id,
        conversation: accepted?.conversationId,
        code: `history.http-${String(status)}`,
        status,
        cause,
        breaker: 'closed',
      }),
      expect.objectContaining({ level: 'info', msg: 'the receiver: works again', sink: 'history', failures: 3 }),
    ]);
    expect(JSON.stringify(lines())).not.toContain('C-1001');
  });

  it('has few lines for one that comes and goes', async () => {
    for (let round = 1; round <= 8; round++) {
      scene.simulator.history.fail({ status: 503, count: 12 });
      await captured(3);
      await scene.delivered(gateway, 3 * round);
    }
    expect(lines().length).toBeGreaterThan(0);
    expect(lines().length).toBeLessThan(6);
  }, 60_000);
});
