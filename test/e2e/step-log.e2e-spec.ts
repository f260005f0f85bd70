import { randomUUID } from 'node:crypto';
import { KEYS } from '../helpers/environment.js';
import type { GatewayProcess, LogLine } from '../helpers/gateway-process.js';
import { type Accepted, call, ProcessScene } from '../helpers/process-scene.js';

const PATH = '/customers/supportInteraction';

describe.each(['sqlite', 'postgres'] as const)('the steps of an interaction in the log (%s)', (kind) => {
  let scene: ProcessScene;
  beforeEach(async () => {
    scene = await ProcessScene.open(kind);
  });
  afterEach(() => scene.close());

  /** With what its caller calls it, or without. */
  async function handIn(gateway: GatewayProcess, correlationId?: string): Promise<Accepted> {
    const conversationId = randomUUID();
    const response = await fetch(gateway.url + PATH, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${KEYS.intake}`,
        'content-type': 'application/json',
        ...(correlationId === undefined ? {} : { 'x-correlation-id': correlationId }),
      },
      body: JSON.stringify({ conversationId, customerId: 'C-1' }),
    });
    return { id: ((await response.json()) as { id: string }).id, conversationId };
  }
  const isStep = ({ id }: Accepted, step = '') => {
    return (line: LogLine): boolean => line['interaction'] === id && line.msg.startsWith(`interaction ${step}`);
  };

  it('tells each of them at level debug, with its ids and what its caller calls it', async () => {
    const gateway = await scene.start({ LOG_LEVEL: 'debug' });
    const accepted = await handIn(gateway, 'case-88');
    await gateway.logged(isStep(accepted, 'listening'));
    scene.simulator.genesys.conversations.finishWork(accepted.conversationId, { wrapupCode: 'done' });
    await gateway.logged(isStep(accepted, 'delivered'));
    const lines = gateway.logs.filter(isStep(accepted));
    expect(lines.map(({ msg }) => msg)).toEqual(
      ['accepted', 'listening', 'captured', 'delivered'].map((step) => `interaction ${step}`),
    );
    const facts = { interaction: accepted.id, conversation: accepted.conversationId, correlationId: 'case-88' };
    for (const line of lines) expect(line).toMatchObject({ level: 'debug', component: 'interactions', ...facts });
  });

  it('tells a cancellation once, and names nothing that the caller did not name', async () => {
    const gateway = await scene.start({ LOG_LEVEL: 'debug' });
    const accepted = await handIn(gateway);
    await gateway.logged(isStep(accepted, 'listening'));
    for (let n = 0; n < 2; n++) await call(gateway, 'DELETE', `${PATH}/${accepted.id}`);
    await gateway.logged(isStep(accepted, 'cancelled'));
    const lines = gateway.logs.filter(isStep(accepted));
    expect(lines.map(({ msg }) => msg)).toEqual(
      ['accepted', 'listening', 'cancelled'].map((step) => `interaction ${step}`),
    );
    for (const line of lines) expect(line).not.toHaveProperty('correlationId');
  });

  it('warns of one that expires, with the same ids', async () => {
    const gateway = await scene.start({ INTERACTION_TTL_HOURS: '0.001' });
    const { id, conversationId } = await handIn(gateway, 'case-88');
    const line = await gateway.logged(({ msg }) => msg.startsWith('expired:'), 20_000);
    expect(line).toMatchObject({ level: 'warn', interaction: id, conversation: conversationId });
    expect(line['correlationId']).toBe('case-88');
  });

  it('tells none of them above debug', async () => {
    const gateway = await scene.start({ LOG_LEVEL: 'info' });
    const accepted = await handIn(gateway, 'case-88');
    await scene.subscribed(accepted);
    scene.simulator.genesys.conversations.finishWork(accepted.conversationId, { wrapupCode: 'done' });
    await scene.delivered(gateway, 1);
    expect(gateway.logs.filter(isStep(accepted))).toEqual([]);
  });
});
