import { randomUUID } from 'node:crypto';
import { Client, type Wire } from './client.js';

/** Decoding tables of the three spellings, as a reader of the wire would keep them. */
const ms = (iso: string): number => Date.parse(iso);

describe('conversations: events and look-ups', () => {
  let client: Client;
  let id: string;
  beforeEach(async () => {
    client = await Client.start();
    id = randomUUID();
  });
  afterEach(() => client.stop());

  const look = async (path = `/conversations/${id}`): Promise<Wire> => (await client.api('GET', path)).body;
  const analytics = (): Promise<Wire> => look(`/analytics/conversations/${id}/details`);
  const agents = (body: Wire): Wire[] =>
    body.participants.filter((participant: Wire) => participant.purpose === 'agent');
  const watch = async (...names: string[]): Promise<Wire> => {
    const { channel, socket } = await client.channelWithSocket();
    await client.subscribe(channel.id, [`v2.detail.events.conversation.${id}?${names.join('&')}`]);
    return socket;
  };

  it('tells one story in event, conversation and analytics', async () => {
    const { conversations } = client.simulator.genesys;
    const [userId, queueId] = [randomUUID(), randomUUID()];
    const socket = await watch('user.end', 'customer.end', 'wrapup', 'acw');
    conversations.start({
      id,
      agents: [{ userId }],
      queueId,
      direction: 'OUTBOUND',
      mediaType: 'MESSAGE',
      addressFrom: 'centre',
      addressTo: 'customer',
      startedAt: Date.now() - 60_000,
    });
    const eventTime = Date.now() + 1_234;
    conversations.finishWork(id, {
      wrapupCode: 'code-1',
      wrapupNotes: 'called back',
      wrapupDurationMs: 15_000,
      eventTime,
      disconnectType: 'TRANSFER_CONSULT',
    });
    await socket.settle();
    const [userEnd, customerEnd, wrapup, acw] = socket.messages();
    expect(
      socket
        .topics()
        .slice(0, 4)
        .map((topic: string) => topic.split(`${id}.`)[1]),
    ).toEqual(['user.end', 'customer.end', 'wrapup', 'acw']);

    expect(acw).toMatchObject({ version: '2', metadata: { CorrelationId: expect.any(String) } });
    expect(acw.eventBody).toEqual({
      eventTime, conversationId: id, participantId: expect.any(String), sessionId: expect.any(String), mediaType: 'MESSAGE',
      provider: 'PureCloud Messaging', direction: 'OUTBOUND', addressFrom: 'centre', addressTo: 'customer', messageType: 'WEBMESSAGING', userId, queueId,
      wrapupCode: 'code-1', wrapupNotes: 'called back', wrapupDurationMs: 15_000,
      conversationExternalContactIds: [], conversationExternalOrganizationIds: [],
    }); // prettier-ignore
    const { userId: _userId, ...withoutUser } = acw.eventBody;
    expect(wrapup.eventBody).toEqual(withoutUser);
    expect(userEnd.eventBody).toMatchObject({
      disconnectType: 'TRANSFER_CONSULT',
      userId,
      eventTime: eventTime - 15_000,
    });
    expect(customerEnd.eventBody.participantId).not.toBe(acw.eventBody.participantId);

    const conversation = await look();
    const [agent] = agents(conversation);
    const [message] = agent.messages;
    expect(conversation).toMatchObject({ id, state: 'disconnected', endTime: expect.any(String) });
    expect(agent).toMatchObject({ id: acw.eventBody.participantId, userId, queueId, wrapupRequired: true });
    expect(message).toMatchObject({
      id: acw.eventBody.sessionId,
      direction: 'outbound',
      disconnectType: 'transfer.consult',
      afterCallWork: { state: 'complete' },
    });
    expect(agent.wrapup).toMatchObject({
      code: 'code-1',
      notes: 'called back',
      durationSeconds: 15,
      provisional: false,
    });
    for (const end of [agent.endAcwTime, message.afterCallWork.endTime, agent.wrapup.endTime])
      expect(ms(end)).toBe(eventTime);
    for (const start of [agent.startAcwTime, message.afterCallWork.startTime, agent.endTime])
      expect(ms(start)).toBe(eventTime - 15_000);

    const details = await analytics();
    const [session] = agents(details)[0].sessions;
    expect(details).toMatchObject({ conversationId: id, originatingDirection: 'outbound' });
    expect(agents(details)[0]).toMatchObject({ participantId: acw.eventBody.participantId, userId });
    expect(session).toMatchObject({
      sessionId: acw.eventBody.sessionId,
      mediaType: 'message',
      addressTo: 'customer',
      metrics: [{ name: 'tTalk' }, { name: 'tAcw', value: 15_000 }],
    });
    const coded = session.segments.filter((segment: Wire) => 'wrapUpCode' in segment);
    expect(coded).toEqual([
      expect.objectContaining({ segmentType: 'wrapup', wrapUpCode: 'code-1', wrapUpNote: 'called back', queueId }),
    ]);
    expect(ms(coded[0].segmentEnd)).toBe(eventTime);
    expect(session.segments.find((segment: Wire) => segment.segmentType === 'interact').disconnectType).toBe(
      'consultTransfer',
    );
    expect((await look(`/analytics/conversations/details?id=${id}`)).conversations).toEqual([details]);
  });

  it.each<[name: string, before: boolean, options: { wrapupDurationMs?: number }]>([
    ['a conversation that has just begun', true, {}],
    ['work that is said to have lasted longer than it', true, { wrapupDurationMs: 12_000 }],
    ['a conversation that nobody had heard of', false, {}],
  ])('never ends a part before it began: %s', async (_, before, options) => {
    const { conversations } = client.simulator.genesys;
    const socket = await watch('user.start', 'user.end', 'wrapup', 'acw');
    if (before) conversations.start({ id });
    conversations.finishWork(id, { wrapupCode: 'done', ...options });
    await socket.settle();
    const bodies = socket
      .messages()
      .slice(0, 4)
      .map((message: Wire) => message.eventBody);
    const times = bodies.map(({ eventTime }: Wire) => eventTime);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const [start, end, , acw] = bodies;
    expect(end.interactingDurationMs).toBe(end.eventTime - start.eventTime);
    expect(acw.wrapupDurationMs).toBe(options.wrapupDurationMs ?? acw.eventTime - end.eventTime);
  });

  it('shows work that is under way as pending, and a provisional wrap-up as such', async () => {
    const { conversations } = client.simulator.genesys;
    conversations.start({ id });
    expect(agents(await look())[0].calls[0]).not.toHaveProperty('afterCallWork');
    expect(await look()).toMatchObject({ state: 'connected' });
    expect(await look()).not.toHaveProperty('endTime');
    conversations.endLeg(id);
    expect(agents(await look())[0].calls[0].afterCallWork).toEqual({ state: 'pending', startTime: expect.any(String) });
    expect(agents(await look())[0]).not.toHaveProperty('endAcwTime');
    const [session] = agents(await analytics())[0].sessions;
    expect(session.segments.at(-1)).toEqual({
      segmentType: 'wrapup',
      segmentStart: expect.any(String),
      queueId: expect.any(String),
    });
    const socket = await watch('acw', 'wrapup');
    conversations.saveProvisional(id, { wrapupCode: 'draft' });
    const [agent] = agents(await look());
    expect(agent.wrapup).toMatchObject({ code: 'draft', provisional: true });
    expect(agent.calls[0].afterCallWork.state).toBe('pending');
    await socket.settle();
    expect(socket.texts).toHaveLength(1);
    conversations.finishWork(id, { wrapupCode: 'final' });
    expect(agents(await look())[0].wrapup).toMatchObject({ code: 'final', provisional: false });
    await socket.next((message: Wire) => message.eventBody?.wrapupCode === 'final');
  });

  it('transfers: two agents, two works, one topic', async () => {
    const { conversations } = client.simulator.genesys;
    const [first, second] = [randomUUID(), randomUUID()];
    conversations.start({ id, agents: [{ userId: first }] });
    const socket = await watch('user.end', 'acw');
    conversations.transfer(id, { to: { userId: second } });
    expect(await look()).toMatchObject({ id, state: 'connected' });
    expect(await look()).not.toHaveProperty('endTime');
    conversations.finishWork(id, { userId: first, wrapupCode: 'one' });
    conversations.finishWork(id, { userId: second, wrapupCode: 'two' });
    await socket.settle();
    const bodies = socket
      .messages()
      .slice(0, 4)
      .map((message: Wire) => [
        message.eventBody.userId,
        message.eventBody.disconnectType,
        message.eventBody.wrapupCode,
      ]);
    expect(bodies).toEqual([[first, 'TRANSFER', undefined], [first, undefined, 'one'], [second, 'PEER', undefined], [second, undefined, 'two']]); // prettier-ignore
    const both = agents(await look());
    expect(both.map((agent: Wire) => agent.wrapup.code)).toEqual(['one', 'two']);
    expect(new Set(both.map((agent: Wire) => agent.id)).size).toBe(2);
  });

  it('times work out with the system code and without notes', async () => {
    const { event } = client.simulator.genesys.conversations.timeOutWork(id);
    expect(event).toMatchObject({ wrapupCode: 'ININ-WRAP-UP-TIMEOUT', wrapupDurationMs: 15_000 });
    expect(event).not.toHaveProperty('wrapupNotes');
  });

  it('skips work: no event, and look-ups say skipped; or says so by event', async () => {
    const { conversations } = client.simulator.genesys;
    const socket = await watch('acw');
    conversations.skip(id);
    const [agent] = agents(await look());
    expect(agent).toMatchObject({
      wrapupSkipped: true,
      calls: [expect.objectContaining({ afterCallWork: expect.objectContaining({ state: 'skipped' }) })],
    });
    expect(agents(await analytics())[0].sessions[0]).toMatchObject({ acwSkipped: true });
    await socket.settle();
    expect(socket.texts).toHaveLength(1);
    conversations.skip(id, { sendAcw: true });
    await socket.next((message: Wire) => message.eventBody?.wrapupCode === 'ININ-WRAP-UP-SKIPPED');
  });

  it('knows agents without after-call work', async () => {
    client.simulator.genesys.conversations.endLeg(id, { work: 'notApplicable' });
    const [agent] = agents(await look());
    expect(agent).toMatchObject({
      wrapupRequired: false,
      calls: [expect.objectContaining({ afterCallWork: { state: 'notApplicable' } })],
    });
    expect(agent).not.toHaveProperty('startAcwTime');
  });

  it('reopens a conversation under its id: older work stays in the look-ups', async () => {
    const { conversations } = client.simulator.genesys;
    conversations.finishWork(id, { wrapupCode: 'old' });
    conversations.reopen(id);
    expect(await look()).not.toHaveProperty('endTime');
    expect(agents(await look()).map((agent: Wire) => agent.wrapup?.code)).toEqual(['old', undefined]);
    conversations.finishWork(id, { wrapupCode: 'new' });
    expect(agents(await look()).map((agent: Wire) => agent.wrapup?.code)).toEqual(['old', 'new']);
  });

  it('sends events twice, again later, in reverse, or not at all', async () => {
    const { conversations } = client.simulator.genesys;
    const socket = await watch('user.end', 'acw');
    const names = async (): Promise<string[]> => {
      await socket.settle();
      return socket
        .topics()
        .splice(0)
        .filter((topic: string) => topic !== 'channel.metadata')
        .map((topic: string) => topic.split(`${id}.`)[1]!);
    };
    const before = async (act: () => unknown): Promise<string[]> => {
      const count = (await names()).length;
      act();
      return (await names()).slice(count);
    };
    expect(await before(() => conversations.finishWork(id, { suppressEvent: true }))).toEqual([]);
    expect(agents(await look())[0].calls[0].afterCallWork.state).toBe('complete');
    expect(await before(() => conversations.finishWork(id, { userId: 'b', duplicate: true }))).toEqual([
      'user.end',
      'acw',
      'acw',
    ]);
    expect(await before(() => conversations.finishWork(id, { userId: 'c', reverseOrder: true }))).toEqual([
      'acw',
      'user.end',
    ]);
    expect(await before(() => conversations.resend(id))).toEqual(['acw', 'acw', 'acw']);
  });

  it('lets look-ups lag behind events, each by its own time', async () => {
    const { genesys, clock } = client.simulator;
    genesys.configure({ lookupLagMs: 5_000, analyticsLagMs: 60_000 });
    genesys.conversations.start({ id });
    const status = async (path: string): Promise<number> => (await client.api('GET', path)).status;
    expect(await status(`/conversations/${id}`)).toBe(404);
    clock.advance(5_000);
    genesys.conversations.finishWork(id);
    expect(agents(await look())[0].calls[0]).not.toHaveProperty('afterCallWork');
    expect(await status(`/analytics/conversations/${id}/details`)).toBe(404);
    expect((await look(`/analytics/conversations/details?id=${id}`)).conversations).toEqual([]);
    clock.advance(5_000);
    expect(agents(await look())[0].calls[0].afterCallWork.state).toBe('complete');
    clock.advance(55_000);
    expect(agents(await analytics())[0].sessions[0].segments.at(-1)).toHaveProperty('segmentEnd');
  });

  it('takes analytics ids in both forms, leaves unknown ones out, and refuses too many and bad ones', async () => {
    const { conversations } = client.simulator.genesys;
    const others = [randomUUID(), randomUUID()];
    for (const known of others) conversations.start({ id: known });
    const ids = async (query: string): Promise<string[]> =>
      (await look(`/analytics/conversations/details?${query}`)).conversations.map(
        (entry: Wire) => entry.conversationId,
      );
    expect(await ids(`id=${others.join(',')},${id}`)).toEqual(others);
    expect(await ids(`id=${others[0]}&id=${others[1]}`)).toEqual(others);
    const many = Array.from({ length: 101 }, () => randomUUID()).join(',');
    expect((await client.api('GET', `/analytics/conversations/details?id=${many}`)).status).toBe(400);
    expect((await client.api('GET', '/analytics/conversations/details?id=x')).status).toBe(400);
  });

  it('answers 404 for unknown conversations, none as active, and a single wrap-up', async () => {
    expect(await client.api('GET', `/conversations/${id}`)).toMatchObject({ status: 404, body: { code: 'not.found' } });
    expect((await client.api('GET', `/analytics/conversations/${id}/details`)).status).toBe(404);
    const { participantId } = client.simulator.genesys.conversations.finishWork(id, { wrapupCode: 'code' });
    expect(await look('/conversations')).toEqual({ entities: [] });
    expect(await look(`/conversations/${id}/participants/${participantId}/wrapup`)).toMatchObject({
      code: 'code',
      durationSeconds: 15,
    });
    expect((await client.api('GET', `/conversations/${id}/participants/nobody/wrapup`)).status).toBe(404);
  });
});
