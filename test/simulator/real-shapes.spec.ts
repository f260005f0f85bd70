import { randomUUID } from 'node:crypto';
import { mixedDay, storyFrom, type PlannedConversation } from '../../simulator/genesys/conversations/mixed-day.js';
import { awaitedLeg, durationOf, viewsOf, type Views } from '../../simulator/genesys/conversations/plan.js';
import { planOf, type Story } from '../../simulator/genesys/conversations/story.js';
import { acwTopic, Client, type Socket, type Wire } from './client.js';

const STARTED = Date.UTC(2026, 0, 1);
const viewsOfStory = (story: Story): Views => viewsOf(planOf(story, 'test'), STARTED);
const partsOf = (view: Wire, purpose: string): Wire[] =>
  view.participants.filter((participant: Wire) => participant.purpose === purpose);
const namesOf = (session: Wire): string[] => session.metrics.map((metric: Wire) => metric.name);
const typesOf = (session: Wire): string[] => session.segments.map((segment: Wire) => segment.segmentType);

describe('real shapes of a conversation', () => {
  it('stations at agents, numbers at everybody else and in events and analytics', () => {
    const { acw, single, bulk } = viewsOfStory({});
    const [agent] = partsOf(single, 'agent');
    expect(agent.ani).toMatch(/^sip:\+358401234567@[\d.]+;user=phone$/);
    expect(agent.dnis).toMatch(/^sip:[0-9a-f]{8}@localhost$/);
    const numbers = { ani: 'tel:+358401234567', dnis: 'tel:+358912345678' };
    expect(partsOf(single, 'customer')).toEqual([expect.objectContaining(numbers)]);
    expect(partsOf(single, 'acd')).toEqual([expect.objectContaining(numbers)]);
    for (const purpose of ['customer', 'acd', 'agent'])
      expect(partsOf(bulk, purpose)[0].sessions).toEqual([expect.objectContaining(numbers)]);
    expect(acw).toEqual([expect.objectContaining(numbers)]);
  });

  it('agents who did not answer: alert, metrics, work with a code; the handler talked', () => {
    const { acw, single, bulk } = viewsOfStory({ unanswered: 2, unansweredWork: true });
    const sessions = partsOf(bulk, 'agent').map(({ sessions: [session] }) => session);
    expect(sessions.map(typesOf)).toEqual([['alert', 'wrapup'], ['alert', 'wrapup'], ['alert', 'interact', 'wrapup']]); // prettier-ignore
    expect(sessions.map(namesOf)).toEqual([
      ['tAlert', 'tNotResponding', 'tAcw'],
      ['tAlert', 'tNotResponding', 'tAcw'],
      ['tAlert', 'tTalk', 'tAcw'],
    ]);
    expect(sessions[0].segments[0]).toMatchObject({ segmentType: 'alert', disconnectType: 'client' });
    expect(sessions[0].metrics.at(-1)).toMatchObject({ name: 'tAcw', value: 57_000 });
    expect(new Set(sessions.map(({ segments }) => segments.at(-1).wrapUpCode)).size).toBe(3);
    const communications = partsOf(single, 'agent').map(({ calls: [call] }) => call);
    expect(communications.map((call) => 'connectedTime' in call)).toEqual([false, false, true]);
    expect(communications.every(({ wrapup }) => typeof wrapup.code === 'string')).toBe(true);
    expect(acw.map((body) => body['userId'])).toEqual([partsOf(bulk, 'agent')[2].userId]);
  });

  it('agents who did not answer and had no work', () => {
    const { single, bulk } = viewsOfStory({ unanswered: 1 });
    expect(typesOf(partsOf(bulk, 'agent')[0].sessions[0])).toEqual(['alert']);
    const [agent] = partsOf(single, 'agent');
    expect(agent.calls[0]).toMatchObject({ afterCallWork: { state: 'notApplicable' }, disconnectType: 'client' });
    expect(agent).not.toHaveProperty('wrapup');
  });

  it('a conversation under way is in analytics, unfinished', () => {
    const plan = planOf({ unanswered: 1 }, 'test');
    const at = (until: number): Wire => viewsOf(plan, STARTED, until).bulk;
    const [silent, handler] = plan.legs;
    expect(partsOf(at(0), 'agent')).toEqual([]);
    const alerting = partsOf(at(silent!.startedAt), 'agent');
    expect(alerting[0].sessions[0].segments).toEqual([{ segmentType: 'alert', segmentStart: expect.any(String), queueId: plan.queueId }]); // prettier-ignore
    const talking = at(handler!.answeredAt!);
    expect(talking).not.toHaveProperty('conversationEnd');
    expect(partsOf(talking, 'agent')[1].sessions[0].segments.at(-1)).toEqual({
      segmentType: 'interact',
      segmentStart: expect.any(String),
      queueId: plan.queueId,
    });
    const working = at(handler!.endedAt!);
    expect(working).toHaveProperty('conversationEnd');
    expect(partsOf(working, 'agent')[1].sessions[0].segments.at(-1)).not.toHaveProperty('segmentEnd');
    expect(viewsOf(plan, STARTED, handler!.endedAt).acw).toEqual([]);
  });

  it.each<[mediaType: string, event: Wire, communication: Wire, session: Wire]>([
    ['EMAIL',
      { mediaType: 'EMAIL', provider: 'PureCloud Email', addressFrom: 'customer@example.com', addressTo: 'support@example.org', subject: 'My order has not come' },
      { subject: 'My order has not come', provider: 'PureCloud Email' },
      { mediaType: 'email', addressFrom: 'customer@example.com', addressTo: 'support@example.org', provider: 'PureCloud Email' }],
    ['MESSAGE',
      { mediaType: 'MESSAGE', messageType: 'WEBMESSAGING', addressTo: 'web-messenger' },
      { type: 'webmessaging', toAddress: { addressRaw: 'web-messenger', addressNormalized: 'web-messenger' } },
      { mediaType: 'message', messageType: 'webmessaging', addressTo: 'web-messenger' }],
    ['CALLBACK',
      { mediaType: 'CALLBACK', callbackNumbers: ['+358401234567'], callbackUserName: 'Kim Customer' },
      { callbackNumbers: ['+358401234567'], callbackUserName: 'Kim Customer' },
      { mediaType: 'callback', callbackNumbers: ['+358401234567'], callbackUserName: 'Kim Customer' }],
    ['CHAT', { mediaType: 'CHAT', provider: 'PureCloud Webchat v2' }, { provider: 'PureCloud Webchat v2' }, { mediaType: 'chat' }],
    ['SOCIALEXPRESSION', { mediaType: 'UNKNOWN' }, { provider: 'PureCloud Social' }, { mediaType: 'unknown' }],
  ])('%s has its own fields, and no number', (mediaType, event, communication, session) => {
    const lists: Wire = { EMAIL: 'emails', MESSAGE: 'messages', CALLBACK: 'callbacks', CHAT: 'chats', SOCIALEXPRESSION: 'socialExpressions' };
    const { acw, single, bulk } = viewsOfStory({ mediaType, external: 'organisation' });
    expect(acw).toEqual([expect.objectContaining(event)]);
    expect(acw[0]).not.toHaveProperty('ani');
    const [agent] = partsOf(single, 'agent');
    expect(agent).not.toHaveProperty('ani');
    expect(agent[lists[mediaType]]).toEqual([expect.objectContaining({ ...communication, wrapup: expect.objectContaining({ durationSeconds: 15 }), afterCallWork: expect.objectContaining({ state: 'complete' }) })]);
    expect(partsOf(bulk, 'agent')[0].sessions).toEqual([expect.objectContaining(session)]);
    const externals = { externalContactId: expect.any(String), externalOrganizationId: expect.any(String) };
    expect(partsOf(single, 'customer')).toEqual([expect.objectContaining(externals)]);
    expect(partsOf(bulk, 'customer')).toEqual([expect.objectContaining(externals)]);
    expect(acw[0]!['conversationExternalContactIds']).toEqual([partsOf(single, 'customer')[0].externalContactId]);
    expect(acw[0]!['conversationExternalOrganizationIds']).toEqual([partsOf(bulk, 'customer')[0].externalOrganizationId]);
  }); // prettier-ignore

  it('tells the subject in segments, the customer’s address at participants, the time of a callback as each does', () => {
    const email = viewsOfStory({ mediaType: 'EMAIL' });
    const [session] = partsOf(email.bulk, 'agent')[0].sessions;
    expect(session).not.toHaveProperty('subject');
    expect(session.segments[1]).toMatchObject({ segmentType: 'interact', subject: 'My order has not come' });
    expect(partsOf(email.single, 'customer')[0].address).toBe('customer@example.com');
    const callbackScheduledTime = Date.UTC(2026, 1, 1);
    const later = viewsOfStory({ mediaType: 'CALLBACK', contact: { callbackScheduledTime } });
    const iso = new Date(callbackScheduledTime).toISOString();
    expect(later.acw[0]).toMatchObject({ callbackScheduledTime });
    expect(partsOf(later.single, 'agent')[0].callbacks[0].callbackScheduledTime).toBe(iso);
    expect(partsOf(later.bulk, 'agent')[0].sessions[0].callbackScheduledTime).toBe(iso);
  });

  it.each<[shown: Story['stateShown'], afterCallWork: unknown]>([
    ['unknown', { state: 'unknown' }],
    ['empty', {}],
    ['missing', undefined],
  ])('finished work may show its state as %s, and the participant its times', (stateShown, afterCallWork) => {
    const { single } = viewsOfStory({ ...(stateShown && { stateShown }), wrapupName: 'Resolved' });
    const [agent] = partsOf(single, 'agent');
    expect(agent.calls[0].afterCallWork).toEqual(afterCallWork);
    expect('afterCallWork' in agent.calls[0]).toBe(afterCallWork !== undefined);
    expect(agent).toMatchObject({ endAcwTime: expect.any(String), wrapup: { name: 'Resolved', provisional: false } });
  });

  it('a conversation that was reopened was over in between, and has both works', () => {
    const plan = planOf({ mediaType: 'MESSAGE', reopened: true }, 'test');
    const [before, again] = plan.legs;
    const between = viewsOf(plan, STARTED, again!.startedAt - 1);
    expect(between.single).toMatchObject({ state: 'disconnected' });
    expect(between.acw).toHaveLength(1);
    expect(viewsOf(plan, STARTED, again!.startedAt).single).toMatchObject({ state: 'connected' });
    expect(viewsOf(plan, STARTED).acw.map(({ userId }) => userId)).toEqual([before!.userId, again!.userId]);
    expect(awaitedLeg(plan)).toBe(again);
  });
});

describe('mixed day', () => {
  const everySeed = Array.from({ length: 200 }, (_, seed) => seed);

  it('is the same for a seed, and other conversations for another', () => {
    expect(mixedDay(7, 60)).toEqual(mixedDay(7, 60));
    const ids = [...mixedDay(7, 60), ...mixedDay(8, 60)].map(({ plan }) => plan.id);
    expect(new Set(ids).size).toBe(120);
  });

  it('tells of each awaited work once by event, with the same code and times in both look-ups', () => {
    const planned = everySeed.flatMap((seed) => mixedDay(seed, 30));
    for (const { plan } of planned) {
      const leg = awaitedLeg(plan)!;
      const { acw, single, bulk } = viewsOf(plan, STARTED);
      const events = acw.filter(({ sessionId }) => sessionId === leg.sessionId);
      const agent = partsOf(single, 'agent').find(({ id }) => id === leg.participantId);
      const [session] = partsOf(bulk, 'agent').find(
        ({ participantId }) => participantId === leg.participantId,
      )!.sessions;
      const code = leg.work!.code;
      expect(events).toEqual([expect.objectContaining({ wrapupCode: code, eventTime: STARTED + leg.work!.endedAt! })]);
      expect(agent.wrapup.code).toBe(code);
      const told = session.acwSkipped === true ? code : session.segments.at(-1).wrapUpCode;
      expect(told).toBe(code);
      expect(leg.work!.endedAt).toBeGreaterThan(plan.handIn.at);
      expect(durationOf(plan)).toBeGreaterThanOrEqual(leg.work!.endedAt!);
    }
  });

  it('makes the simplest conversation of zeros, for generators that shrink', () => {
    const { legs, handIn, mediaType } = planOf(
      storyFrom(() => 0),
      'simplest',
    );
    expect({ agents: legs.length, mediaType, agentId: handIn.agentId }).toEqual({ agents: 1, mediaType: 'VOICE', agentId: undefined }); // prettier-ignore
    expect(legs[0]).toMatchObject({ work: { state: 'complete' } });
  });

  describe('played', () => {
    let client: Client;
    let socket: Socket;
    let channelId: string;
    beforeEach(async () => {
      client = await Client.start();
      ({
        socket,
        channel: { id: channelId },
      } = await client.channelWithSocket());
    });
    afterEach(() => client.stop());

    const bulkOf = async (id: string): Promise<Wire[]> =>
      (await client.api('GET', `/analytics/conversations/details?id=${id}`)).body.conversations;

    it('begins with nothing of the awaited work told, and ends with all of it, by the control API', async () => {
      const { body } = await client.control('POST', '/genesys/mixed-day', { seed: 3, count: 40 });
      const day = mixedDay(3, 40);
      expect(body.conversations.map(({ conversationId }: Wire) => conversationId)).toEqual(
        day.map(({ plan }) => plan.id),
      );
      await client.subscribe(
        channelId,
        day.map(({ plan }) => acwTopic(plan.id)),
      );
      client.simulator.clock.advance(1_000);
      for (const { plan } of day)
        expect((await client.control('POST', `/genesys/conversations/${plan.id}/complete`, {})).status).toBe(200);
      await socket.settle();
      const told = (plan: PlannedConversation['plan']): unknown[] =>
        socket.messages().filter(({ topicName }) => topicName === acwTopic(plan.id)).map(({ eventBody }) => eventBody.userId); // prettier-ignore
      for (const { plan } of day) {
        const awaited =
          plan.handIn.agentId === undefined ? told(plan)[0] : told(plan).find((id) => id === plan.handIn.agentId);
        expect(awaited).toBe(awaitedLeg(plan)?.userId);
      }
      const again = await client.control('POST', `/genesys/conversations/${day[0]!.plan.id}/complete`, {});
      expect(again).toMatchObject({ status: 404, body: { message: expect.stringContaining('by a plan') } });
    });

    it('shows a conversation as it is at the hand-in, and its end no earlier than it happens', async () => {
      const { conversations } = client.simulator.genesys;
      const plan = planOf({ unanswered: 1, unansweredWork: true, transfer: 'TRANSFER' }, randomUUID());
      conversations.begin(plan);
      expect((await client.api('GET', `/conversations/${plan.id}`)).body).toMatchObject({ state: 'connected' });
      client.simulator.clock.advance(100_000);
      const now = client.simulator.clock.now();
      conversations.complete(plan.id);
      const [entry] = await bulkOf(plan.id);
      const ends = partsOf(entry, 'agent').map(({ sessions: [{ segments }] }) =>
        Date.parse(segments.at(-1).segmentEnd),
      );
      expect(Math.max(...ends)).toBeGreaterThanOrEqual(now);
      expect(() => conversations.begin(plan)).toThrow('exists');
    });

    it('shows late analytics late, and as the conversation was meanwhile', async () => {
      const plan = planOf({ analyticsLagMs: 30_000 }, randomUUID());
      const { conversations } = client.simulator.genesys;
      conversations.begin(plan);
      conversations.complete(plan.id);
      expect((await client.api('GET', `/conversations/${plan.id}`)).body).toMatchObject({ state: 'disconnected' });
      const [entry] = await bulkOf(plan.id);
      expect(entry).not.toHaveProperty('conversationEnd');
      client.simulator.clock.advance(30_000);
      expect((await bulkOf(plan.id))[0]).toHaveProperty('conversationEnd');
    });

    it('sets the lag of one conversation, and lets an agent not answer, by the control API', async () => {
      const [late, usual] = [randomUUID(), randomUUID()];
      const at = `/genesys/conversations/${late}`;
      expect((await client.control('POST', `${at}/lag`, { analytics: 60_000 })).status).toBe(200);
      expect((await client.control('POST', `${at}/no-answer`, { wrapupCode: 'silent' })).status).toBe(200);
      for (const id of [late, usual]) client.simulator.genesys.conversations.finishWork(id, { wrapupCode: 'done' });
      expect(await bulkOf(late)).toEqual([]);
      expect(await bulkOf(usual)).toHaveLength(1);
      client.simulator.clock.advance(60_000);
      const [entry] = await bulkOf(late);
      expect(partsOf(entry, 'agent').map(({ sessions: [{ segments }] }) => segments.at(-1).wrapUpCode)).toEqual(['silent', 'done']); // prettier-ignore
    });
  });
});
