import { randomUUID } from 'node:crypto';
import { v5 as uuidV5 } from 'uuid';
import { type RecordedRequest, type Simulator, startSimulator } from '../../simulator/index.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

/** The namespace that record ids are derived with; part of the promise, so it is written out again here. */
const RECORD_NAMESPACE = 'b6a1d2c4-3f0e-4c58-9d57-8a4e6f1b2c90';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f-]{36}$/;

describe.each(['sqlite', 'postgres'] as const)('the main job, word for word (%s)', (kind) => {
  const conversationId = randomUUID();
  const agentId = randomUUID();
  const topic = `v2.detail.events.conversation.${conversationId}.acw`;
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let interactionId: string;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    gateway = await startGateway(simulator, database.target, {
      HISTORY_TOKEN: 'history-token',
      CHANNEL_LINGER_MS: '100',
    });
  });

  afterAll(async () => {
    await gateway.stop();
    await simulator.stop();
    await database.remove();
  });

  const requestsTo = (path: RegExp): RecordedRequest[] =>
    simulator.genesys.requests.filter((each) => path.test(each.path));

  it('accepts the interaction at once', async () => {
    const response = await gateway
      .call('post', '/customers/supportInteraction')
      .send({
        conversationId,
        customerId: 'C-1001',
        agentId,
        subject: 'Invoice 77',
        notes: 'asked twice',
        attributes: { caseId: '88' },
      })
      .expect(202);
    interactionId = response.body.id;
    expect(response.body).toEqual({
      id: expect.stringMatching(UUID),
      conversationId,
      customerId: 'C-1001',
      status: 'accepted',
      topic,
      createdAt: expect.stringMatching(ISO),
    });
    expect(response.headers['location']).toBe(`/customers/supportInteraction/${interactionId}`);
  });

  it('asks Genesys for a token, a channel, names and nothing else, and subscribes over the socket', async () => {
    await simulator.genesys.waitFor(() => simulator.genesys.topics().includes(topic));
    expect(requestsTo(/^\/oauth\/token$/)).toEqual([
      expect.objectContaining({
        method: 'POST',
        status: 200,
        body: 'grant_type=client_credentials',
        headers: expect.objectContaining({
          authorization: `Basic ${Buffer.from('demo-client:demo-secret').toString('base64')}`,
          'content-type': expect.stringContaining('application/x-www-form-urlencoded'),
        }),
      }),
    ]);
    // The names of wrap-up codes are asked for beside it, once (docs/wire-facts.md §5.4).
    await simulator.genesys.waitFor(() => requestsTo(/wrapupcodes/).length === 1);
    expect(requestsTo(/^\/api\/(?!v2\/routing\/wrapupcodes)/)).toEqual([
      expect.objectContaining({
        method: 'POST',
        path: '/api/v2/notifications/channels',
        status: 200,
        body: '',
        headers: expect.objectContaining({ authorization: expect.stringMatching(/^Bearer .+/) }),
      }),
    ]);
    const [upgrade] = requestsTo(/^\/channels\//);
    expect(upgrade?.headers).not.toHaveProperty('authorization');
  });

  it('captures, delivers and unsubscribes when the agent finishes the after-call work', async () => {
    simulator.genesys.conversations.start({
      id: conversationId,
      mediaType: 'VOICE',
      agents: [{ userId: agentId, participantId: 'p-1', sessionId: 's-1', queueId: 'q-1' }],
      ani: 'tel:+358401234567',
      dnis: 'tel:+358912345678',
    });
    const { event } = simulator.genesys.conversations.finishWork(conversationId, {
      userId: agentId,
      wrapupCode: '3c9e5a0e-2f5f-4f0f-9a55-0d8e3a2b1c00',
      wrapupNotes: 'called back',
      wrapupDurationMs: 12_000,
      duplicate: true,
    });
    await simulator.genesys.waitFor(() => simulator.genesys.topics().length === 0);
    const recordId = uuidV5(interactionId, RECORD_NAMESPACE);
    expect(simulator.history.received).toHaveLength(1);
    expect(simulator.history.received[0]).toMatchObject({
      key: recordId,
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer history-token',
        'idempotency-key': recordId,
        'x-correlation-id': interactionId,
      },
    });
    expect(simulator.history.received[0]?.body).toEqual({
      recordId,
      type: 'SUPPORT_INTERACTION',
      source: 'genesys-cloud',
      obtainedBy: 'event',
      interactionId,
      conversationId,
      customerId: 'C-1001',
      agentId,
      participantId: 'p-1',
      sessionId: 's-1',
      queueId: 'q-1',
      channel: 'CALL',
      direction: 'INBOUND',
      ani: 'tel:+358401234567',
      dnis: 'tel:+358912345678',
      wrapup: { code: '3c9e5a0e-2f5f-4f0f-9a55-0d8e3a2b1c00', notes: 'called back', durationMs: 12_000 },
      media: { type: 'VOICE', provider: 'Edge' },
      endedAt: new Date(event['eventTime'] as number).toISOString(),
      capturedAt: expect.stringMatching(ISO),
      subject: 'Invoice 77',
      notes: 'asked twice',
      attributes: { caseId: '88' },
    });
  });

  it('has said exactly this over the socket', () => {
    const sent = simulator.genesys.frames
      .filter((frame) => frame.direction === 'in')
      .map((frame) => JSON.parse(frame.text) as Record<string, unknown>);
    expect(sent).toEqual([
      { message: 'ping' },
      { message: 'subscribe', topics: [topic], correlationId: expect.stringMatching(UUID) },
      { message: 'unsubscribe', topics: [topic], correlationId: expect.stringMatching(UUID) },
    ]);
  });

  it('shows each step afterwards, and leaves no socket behind', async () => {
    const { body } = await gateway.call('get', `/customers/supportInteraction/${interactionId}`).expect(200);
    expect(body).toEqual({
      id: interactionId,
      conversationId,
      customerId: 'C-1001',
      agentId,
      subject: 'Invoice 77',
      notes: 'asked twice',
      attributes: { caseId: '88' },
      status: 'delivered',
      topic,
      recordId: uuidV5(interactionId, RECORD_NAMESPACE),
      deliveryAttempts: 1,
      createdAt: expect.stringMatching(ISO),
      acceptedAt: expect.stringMatching(ISO),
      listeningAt: expect.stringMatching(ISO),
      capturedAt: expect.stringMatching(ISO),
      deliveredAt: expect.stringMatching(ISO),
      expiresAt: expect.stringMatching(ISO),
    });
    await simulator.genesys.waitFor(() => simulator.genesys.channels().every((channel) => !channel.connected));
    await gateway.call('get', '/ops/ledger', 'admin').expect(200, {
      accepted: 0,
      listening: 0,
      captured: 0,
      delivered: 1,
      dead: 0,
      discarded: 0,
      expired: 0,
      cancelled: 0,
      total: 1,
    });
  });
});
