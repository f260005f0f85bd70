import { randomUUID } from 'node:crypto';
import { Client, type Socket, type Wire } from './client.js';

describe('the stream of the conversation events tutorial', () => {
  let client: Client;
  let id: string;
  beforeEach(async () => {
    client = await Client.start();
    id = randomUUID();
  });
  afterEach(() => client.stop());

  const connect = async (token?: string): Promise<Socket> => {
    const query = token === undefined ? '' : `?access_token=${encodeURIComponent(token)}`;
    return client.connect(`${client.simulator.apiUrl.replace(/^http/, 'ws')}/api/v2/notifications${query}`);
  };
  const subscribe = async (filter?: object): Promise<Socket> => {
    const socket = await connect(await client.newToken());
    socket.send({ type: 'SubscriptionRequest', topics: [{ type: 'ConversationEvent', ...(filter && { filter }) }] });
    await socket.next(({ type }) => type === 'SubscriptionConfirmation');
    return socket;
  };
  const payloads = (socket: Socket): Wire[] =>
    socket.messages().flatMap(({ type, payload }) => (type === 'ConversationEvent' ? payload : []));
  const message = (text: string, conversation = id): string[] =>
    client.simulator.genesys.conversations.addMessage(conversation, { text });
  const marked = async (socket: Socket, text: string): Promise<void> => {
    message(text);
    await socket.next(({ payload }) => payload?.message?.text === text);
  };

  it('takes a valid token in the query only', async () => {
    await expect(connect()).rejects.toMatchObject({ status: 401 });
    await expect(connect('wrong')).rejects.toMatchObject({ status: 401 });
    const token = await client.newToken();
    await connect(token);
    client.simulator.genesys.faults.revokeTokens();
    await expect(connect(token)).rejects.toMatchObject({ status: 401 });
  });

  it('confirms a subscription and sends what happens', async () => {
    const socket = await subscribe();
    expect(socket.messages()[0]).toEqual({ type: 'SubscriptionConfirmation', subscriptionId: expect.any(String) });
    client.simulator.genesys.conversations.start({ id });
    await marked(socket, 'hello');
    client.simulator.genesys.conversations.finishWork(id);
    await socket.next(({ payload }) => payload?.detail === 'acw');
    const types = payloads(socket).map(({ eventType }) => eventType);
    expect(new Set(types)).toEqual(new Set(['ConversationUpdated', 'MessageAdded', 'StatusChanged']));
    expect(payloads(socket).find(({ eventType }) => eventType === 'MessageAdded')).toEqual({
      conversationId: id,
      eventType: 'MessageAdded',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      message: { id: expect.any(String), text: 'hello', direction: 'INBOUND' },
    });
  });

  it.each<[name: string, filter: object, expected: Wire[]]>([
    ['type', { eventType: 'MessageAdded', include: ['message.text'] }, [{ message: { text: 'hi' } }, { message: { text: 'end' } }]],
    ['types', { eventType: ['MessageAdded'], include: ['eventType'] }, [{ eventType: 'MessageAdded' }, { eventType: 'MessageAdded' }]],
    ['exclude', { include: ['eventType', 'message'], exclude: ['message.id', 'message.direction', 'conversationUpdated', 'StatusChanged'] },
      [{ eventType: 'MessageAdded', message: { text: 'hi' } }, { eventType: 'MessageAdded', message: { text: 'end' } }]],
  ])('filters by %s', async (_, filter, expected) => {
    const socket = await subscribe({ conversationId: id, ...filter });
    client.simulator.genesys.conversations.start({ id });
    message('elsewhere', randomUUID());
    message('hi');
    message('end');
    while (payloads(socket).length < 2) await socket.next(() => payloads(socket).length >= 2);
    expect(payloads(socket)).toEqual(expected);
  }); // prettier-ignore

  it('closes a connection without a request within its time, and only that', async () => {
    const silent = await connect(await client.newToken());
    const socket = await subscribe();
    client.simulator.clock.advance(5_000);
    expect(await silent.closed).toBe(1008);
    await marked(socket, 'still here');
  });

  it('answers nonsense with an error and goes on', async () => {
    const socket = await connect(await client.newToken());
    for (const text of ['no json', '{}', '{"type":"SubscriptionRequest","topics":[]}']) socket.send(text);
    while (socket.texts.length < 3) await socket.next(() => socket.texts.length === 3);
    expect(new Set(socket.messages().map(({ type }) => type))).toEqual(new Set(['Error']));
    socket.send({ type: 'SubscriptionRequest', topics: [{ type: 'ConversationEvent' }] });
    await socket.next(({ type }) => type === 'SubscriptionConfirmation');
  });

  it('limits connections per client with 429', async () => {
    client.simulator.genesys.configure({ directMaxConnections: 2 });
    const [first] = [await subscribe(), await subscribe()];
    await expect(connect(await client.newToken())).rejects.toMatchObject({ status: 429 });
    first.ws.terminate();
    await client.simulator.genesys.waitFor(() => client.simulator.genesys.direct.connections.length === 1);
    await subscribe();
  });

  it('is driven over the control API, which shows no token', async () => {
    const socket = await subscribe({ conversationId: id });
    const shown = await client.control('GET', '/genesys/direct');
    expect(shown.body.connections).toEqual([{ id: 'direct-1', filters: [{ conversationId: id }] }]);
    await client.control('POST', `/genesys/conversations/${id}/message`, { text: 'hello' });
    await socket.next(({ payload }) => payload?.message?.text === 'hello');
    await client.control('POST', '/genesys/direct/error', { message: 'no' });
    await socket.next(({ type, message: said }) => type === 'Error' && said === 'no');
    const requests = await client.control('GET', '/genesys/requests?path=access_token');
    expect(requests.body.entries.map(({ path }: Wire) => path)).toEqual(['/api/v2/notifications?access_token=…']);
    await client.control('POST', '/genesys/direct/close', { code: 4000 });
    expect(await socket.closed).toBe(4000);
  });
});

describe('detail events of a conversation', () => {
  let client: Client;
  beforeEach(async () => {
    client = await Client.start();
  });
  afterEach(() => client.stop());

  const KINDS = [
    'acd.end', 'acd.start', 'acw', 'attributes', 'contact', 'customer.end', 'customer.start', 'flow.end', 'flow.outcome',
    'flow.start', 'outbound', 'user.end', 'user.start', 'voicemail.end', 'voicemail.start', 'wrapup',
  ]; // prettier-ignore
  const watch = async (id: string): Promise<Socket> => {
    const { channel, socket } = await client.channelWithSocket();
    await client.subscribe(
      channel.id,
      KINDS.map((kind) => `v2.detail.events.conversation.${id}.${kind}`),
    );
    return socket;
  };
  const told = (socket: Socket, id: string): [kind: string, body: Wire][] =>
    socket
      .messages()
      .flatMap(({ topicName, eventBody }) =>
        topicName?.includes(id) ? [[topicName.split(`${id}.`)[1], eventBody] as [string, Wire]] : [],
      );

  it('begin with the customer, the flow and the queue, or with a campaign', async () => {
    const [inbound, outbound] = [randomUUID(), randomUUID()];
    const [first, second] = [await watch(inbound), await watch(outbound)];
    client.simulator.genesys.conversations.start({ id: inbound, mediaType: 'VOICE', queueId: 'q' });
    client.simulator.genesys.conversations.start({ id: outbound, direction: 'OUTBOUND' });
    await Promise.all([first.settle(), second.settle()]);
    expect(told(first, inbound).map(([kind]) => kind)).toEqual([
      'customer.start', 'flow.start', 'flow.end', 'acd.start', 'acd.end', 'user.start',
    ]); // prettier-ignore
    expect(told(second, outbound).map(([kind]) => kind)).toEqual(['customer.start', 'outbound', 'user.start']);
    const bodies = Object.fromEntries(told(first, inbound));
    for (const body of Object.values(bodies))
      expect(body).toMatchObject({ conversationId: inbound, mediaType: 'VOICE' });
    expect(bodies['flow.end']).toMatchObject({ flowType: 'INBOUNDCALL', exitReason: 'TRANSFER', transferType: 'ACD' });
    expect(bodies['flow.end'].flowId).toBe(bodies['flow.start'].flowId);
    expect(bodies['acd.end']).toMatchObject({ queueId: 'q', acdOutcome: 'ANSWERED' });
    expect(new Set(Object.values(bodies).map(({ participantId }) => participantId)).size).toBe(4);
  });

  it('are sent for what else happens', async () => {
    const id = randomUUID();
    client.simulator.genesys.conversations.start({ id });
    const socket = await watch(id);
    const order = (path: string, body: object = {}) =>
      client.control('POST', `/genesys/conversations/${id}/${path}`, body);
    await order('attributes', { values: { caseId: '88' } });
    await order('contact', { externalContactId: 'x' });
    await order('flow-outcome', { value: 'FAILURE' });
    await order('voicemail', { lengthMs: 7_000 });
    await socket.settle();
    const events = told(socket, id);
    expect(events.map(([kind]) => kind)).toEqual([
      'attributes',
      'contact',
      'flow.outcome',
      'voicemail.start',
      'voicemail.end',
    ]);
    const [attributes, contact, outcome, begin, end] = events.map(([, body]) => body);
    expect(attributes).toMatchObject({ attributes: { caseId: '88' } });
    expect(attributes).not.toHaveProperty('sessionId');
    expect(contact).toMatchObject({ externalContactId: 'x' });
    expect(outcome).toMatchObject({ flowOutcomeValue: 'FAILURE', flowMilestones: [] });
    expect(end.eventTime - begin.eventTime).toBe(7_000);
  });

  it('are announced as missed only where they would be asked for', async () => {
    const missed: string[] = [];
    client.simulator.genesys.on('event-missed', ({ topic }) => missed.push(topic.split('.').slice(5).join('.')));
    client.simulator.genesys.conversations.start({ id: randomUUID() });
    expect(missed).toEqual(['user.start']);
  });
});
