import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { type Accepted, handIn, ProcessScene } from '../helpers/process-scene.js';

const INTERACTIONS = 200;
const KILLS = 5;
const CALLERS = 8;
/** Things that happen outside the process; a kill comes after a random number of them, so at any stage of anything. */
const MOST_EVENTS_BEFORE_A_KILL = 120;

describe.each(['sqlite', 'postgres'] as const)(`${KILLS} kills under load (%s)`, (kind) => {
  let scene: ProcessScene;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    scene = await ProcessScene.open(kind);
    gateway = await scene.start();
  });

  afterAll(() => scene.close());

  /** Hands in until somebody answers, as BOFE would: the answer may be lost with the process. */
  async function handInPatiently(conversationId: string): Promise<Accepted> {
    for (;;) {
      const reply = await handIn(gateway, conversationId).catch(() => undefined);
      if (reply && reply.status < 300) return { id: String(reply.body['id']), conversationId };
      await sleep(20);
    }
  }

  /** Interactions are handed in, and each agent finishes as soon as a random other call was taken. */
  async function load(): Promise<Accepted[]> {
    const accepted: Accepted[] = [];
    const working: string[] = [];
    const { conversations } = scene.simulator.genesys;
    const caller = async (): Promise<void> => {
      while (accepted.length < INTERACTIONS) {
        const conversationId = randomUUID();
        working.push(conversationId);
        accepted.push(await handInPatiently(conversationId));
        if (working.length > 2 * CALLERS) conversations.finishWork(takeOne(working));
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    for (const conversationId of working) conversations.finishWork(conversationId);
    return accepted;
  }

  /** Resolves after so many things have happened at Genesys or at the history. */
  function afterEvents(count: number): Promise<void> {
    const { genesys, history } = scene.simulator;
    return new Promise((resolve) => {
      let left = count;
      const one = (): void => {
        left -= 1;
        if (left > 0) return;
        for (const off of offs) off();
        resolve();
      };
      const offs = [
        genesys.on('frame', one),
        genesys.on('request', one),
        genesys.on('conversation', one),
        history.on('arrived', one),
        history.on('received', one),
      ];
    });
  }

  it('records every interaction once', async () => {
    const { history } = scene.simulator;
    history.fail({ status: 503, ratio: 0.1 });
    history.faults.resetAfterBody({ count: 20 });
    const loading = load();
    const moments: number[] = [];
    while (moments.length < KILLS) {
      moments.push(randomInt(1, MOST_EVENTS_BEFORE_A_KILL));
      await afterEvents(moments.at(-1) as number);
      await gateway.end('SIGKILL');
      gateway = await scene.start();
    }
    const accepted = await loading;
    history.recover();
    await scene.delivered(gateway, accepted.length, 40_000).catch((cause: unknown) => {
      throw new Error(`not all were delivered after kills at ${moments.join(', ')}`, { cause });
    });
    await scene.expectOnce(gateway, accepted);
    // A kill between the making of a channel and its storing leaves one behind.
    expect(scene.channelsMade).toBeLessThanOrEqual(2);
  }, 80_000);
});

function takeOne(list: string[]): string {
  return list.splice(randomInt(list.length), 1)[0] as string;
}
