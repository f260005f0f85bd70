import { randomUUID } from 'node:crypto';
import { acwTopic, type Answer, Client, type Wire } from './client.js';

describe('look-ups that are hard to read', () => {
  let client: Client;
  let bad: string;
  let good: string;

  beforeEach(async () => {
    client = await Client.start();
    [bad, good] = [randomUUID(), randomUUID()];
    for (const id of [bad, good]) client.simulator.genesys.conversations.finishWork(id);
  });
  afterEach(() => client.stop());

  const single = (id: string): Promise<Answer> => client.api('GET', `/conversations/${id}`);
  const bulk = (...ids: string[]): Promise<Answer> =>
    client.api('GET', `/analytics/conversations/details?id=${ids.join(',')}`);
  const alone = (id: string): Promise<Answer> => client.api('GET', `/analytics/conversations/${id}/details`);
  const spoil = (body: object): Promise<Answer> => client.control('POST', '/genesys/faults/spoil-lookups', body);
  const shape = (id: string, body: object): Promise<Answer> =>
    client.control('POST', `/genesys/conversations/${id}/shape`, body);

  it('fails whatever asks for a spoilt conversation, until it is taken back', async () => {
    expect((await spoil({ conversationId: bad, status: 400 })).status).toBe(200);
    expect([(await single(bad)).status, (await alone(bad)).status, (await bulk(good, bad)).status]).toEqual([
      400, 400, 400,
    ]);
    expect([(await single(good)).status, (await bulk(good)).status]).toEqual([200, 200]);
    await client.control('DELETE', '/genesys/faults');
    expect([(await single(bad)).status, (await bulk(good, bad)).status]).toEqual([200, 200]);
  });

  it('spoils one kind of look-up where one is named, and takes the latest order', async () => {
    await spoil({ conversationId: bad, status: 500 });
    await spoil({ conversationId: bad, status: 503, view: 'analytics' });
    expect([(await single(bad)).status, (await bulk(bad)).status]).toEqual([200, 503]);
  });

  it('breaks off its JSON where no status is named', async () => {
    await spoil({ conversationId: bad });
    const { status, text } = await bulk(bad, good);
    expect(status).toBe(200);
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  });

  it('refuses an order that it does not understand', async () => {
    expect((await spoil({ conversationId: 'bad' })).status).toBe(400);
    expect((await spoil({ conversationId: bad, view: 'both' })).status).toBe(400);
    expect((await shape(bad, { paddingBytes: -1 })).status).toBe(400);
  });

  it('puts nulls into every list, and ends that', async () => {
    await shape(bad, { nulls: true });
    const { participants } = (await single(bad)).body;
    expect(participants[0]).toBeNull();
    expect(participants.at(-1).calls[0]).toBeNull();
    const [conversation] = (await bulk(bad)).body.conversations;
    expect(conversation.participants[0]).toBeNull();
    expect(conversation.participants.at(-1).sessions[0]).toBeNull();
    expect(conversation.participants.at(-1).sessions.at(-1).segments[0]).toBeNull();
    await shape(bad, {});
    expect((await single(bad)).body.participants).not.toContain(null);
  });

  it('has participants that are none beside the right ones, in the look-up that is named', async () => {
    const right = (await single(bad)).body.participants as Wire[];
    await shape(bad, { wrongTypes: true, view: 'single' });
    const { participants } = (await single(bad)).body;
    expect(participants.slice(0, 3)).toEqual([7, 'agent', []]);
    expect(participants.slice(-right.length)).toEqual(right);
    expect((await bulk(bad)).body.conversations[0].participants).toHaveLength(right.length);
  });

  it.each([
    ['alone', single],
    ['in bulk', bulk],
  ])('has so many bytes more %s', async (_name, ask) => {
    const before = (await ask(bad)).text.length;
    await shape(bad, { paddingBytes: 100_000 });
    expect((await ask(bad)).text.length - before).toBeGreaterThanOrEqual(100_000);
    expect((await ask(good)).text.length).toBeLessThan(100_000);
  });

  it('tells the time by a clock that is away from ours', async () => {
    const offMs = -3_600_000;
    client.simulator.genesys.configure({ clockOffsetMs: offMs });
    const { channel, socket } = await client.channelWithSocket();
    const id = randomUUID();
    await client.subscribe(channel.id, [acwTopic(id)]);
    const { event } = client.simulator.genesys.conversations.finishWork(id) as Wire;
    await socket.settle();
    const answer = await single(id);
    const agent = answer.body.participants.find((participant: Wire) => participant.purpose === 'agent');
    for (const at of [
      Date.parse(answer.headers.get('date') ?? ''),
      Number(event.eventTime),
      Date.parse(agent.endAcwTime),
    ])
      expect(Math.abs(at - Date.now() - offMs)).toBeLessThan(60_000);
  });
});
