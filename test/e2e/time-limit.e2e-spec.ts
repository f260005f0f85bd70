import { randomUUID } from 'node:crypto';
import { type RecordedRequest, type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { handIn, type RunningGateway, startGateway } from '../helpers/gateway.js';

const topicOf = (conversationId: string): string => `v2.detail.events.conversation.${conversationId}.acw`;

describe.each(['sqlite', 'postgres'] as const)('the time limit of an interaction (%s)', (kind) => {
  const forbidden = randomUUID();
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator({ genesys: { forbiddenTopics: [topicOf(forbidden)] } });
    database = await freshTarget(kind);
    // 3.6 s, so that the series of look-ups (2 s, 5 s …) is cut short by it.
    gateway = await startGateway(simulator, database.target, { INTERACTION_TTL_HOURS: '0.001' });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const isLookup = (each: RecordedRequest): boolean => each.path.includes('/analytics/') && each.status === 200;
  const lookups = (): number => simulator.genesys.requests.filter(isLookup).length;

  async function read(id: string): Promise<Record<string, unknown>> {
    return (await gateway.call('get', `/customers/supportInteraction/${id}`).expect(200)).body as Record<
      string,
      unknown
    >;
  }

  it('ends the waiting after a last look-up, and releases the topic', async () => {
    const conversationId = randomUUID();
    const { id } = await handIn(gateway, conversationId);
    await simulator.genesys.waitFor(() => simulator.genesys.topics().includes(topicOf(conversationId)));
    await simulator.genesys.waitFor(() => !simulator.genesys.topics().includes(topicOf(conversationId)), 10_000);
    const interaction = await read(id);
    expect(interaction).toMatchObject({ status: 'expired', expiredAt: expect.any(String), deliveryAttempts: 0 });
    const lastAsked = Math.max(...simulator.genesys.requests.filter(isLookup).map((each) => each.at));
    expect(lastAsked).toBeGreaterThanOrEqual(Date.parse(interaction['expiresAt'] as string));
    const refused = await gateway.call('delete', `/customers/supportInteraction/${id}`).expect(409);
    expect(refused.body).toMatchObject({ code: 'interaction.expired' });
    expect(simulator.history.received).toEqual([]);
  });

  it('finds with the last look-up what no event told', async () => {
    const conversationId = randomUUID();
    const before = lookups();
    const { id } = await handIn(gateway, conversationId);
    simulator.genesys.conversations.start({ id: conversationId });
    await simulator.genesys.waitFor(() => lookups() > before, 10_000);
    simulator.genesys.conversations.finishWork(conversationId, { suppressEvent: true });
    await simulator.history.waitFor(() => simulator.history.records.size === 1, 10_000);
    expect(await read(id)).toMatchObject({ conversationId, capturedAt: expect.any(String) });
  });

  it('takes the work of who was only alerted when the time is over and who talked has not finished', async () => {
    const { conversations } = simulator.genesys;
    const conversationId = randomUUID();
    conversations.start({ id: conversationId });
    // Before the hand-in, so that every look-up shows it.
    conversations.noAnswer(conversationId, { wrapupCode: 'silent' });
    const { id } = await handIn(gateway, conversationId);
    await simulator.history.waitFor(() => simulator.history.records.size === 2, 15_000);
    expect([...simulator.history.records.values()].at(-1)).toMatchObject({
      interactionId: id,
      obtainedBy: 'lookup',
      wrapup: { code: 'silent' },
    });
    const { acceptedAt, capturedAt, expiresAt } = await read(id);
    expect(Date.parse(capturedAt as string)).toBeGreaterThanOrEqual(Date.parse(expiresAt as string));
    expect(Date.parse(capturedAt as string) - Date.parse(acceptedAt as string)).toBeGreaterThanOrEqual(3_600);
  }, 20_000);

  it('keeps an interaction whose topic is refused accepted, says so, and looks it up', async () => {
    const { id } = await handIn(gateway, forbidden);
    simulator.genesys.conversations.start({ id: forbidden });
    await simulator.genesys.waitFor(() =>
      simulator.genesys.requests.some((each) => each.path.endsWith('ignoreErrors=true') && each.status === 200),
    );
    simulator.genesys.conversations.finishWork(forbidden, { wrapupCode: 'unheard' });
    await simulator.history.waitFor(() => simulator.history.records.size === 3, 10_000);
    expect(await read(id)).toMatchObject({ lastError: { code: 'topic.rejected' } });
    expect([...simulator.history.records.values()].at(-1)).toMatchObject({ interactionId: id, obtainedBy: 'lookup' });
  });
});
