import { randomUUID } from 'node:crypto';
import { eventually, topicOf } from '../helpers/process-scene.js';
import { Stage } from '../helpers/tables-stage.js';

const PATH = '/customers/supportInteraction';

describe.each(['sqlite', 'postgres'] as const)('a list of interactions (%s)', (kind) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.start({ RETRY_BASE_MS: '20', RETRY_CAP_MS: '200' }, kind);
  });
  afterAll(() => stage.stop());

  async function handIn(fields: object = {}): Promise<{ id: string; conversationId: string }> {
    const body = { conversationId: randomUUID(), customerId: 'C-1', ...fields };
    return (await stage.post(PATH, body)).body;
  }
  async function idsOf(query: string): Promise<string[]> {
    const { status, body } = await stage.ask(`${PATH}?${query}`);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body.items.map(({ id }: { id: string }) => id);
  }

  it('has those of one agent', async () => {
    const [agentId, other] = [randomUUID(), randomUUID()];
    const first = await handIn({ agentId, customerId: 'C-agent' });
    const second = await handIn({ agentId });
    await handIn({ agentId: other });
    await handIn();
    expect(await idsOf(`agentId=${agentId}`)).toEqual([second.id, first.id]);
    expect(await idsOf(`agentId=${agentId.toUpperCase()}`)).toEqual([second.id, first.id]);
    expect(await idsOf(`agentId=${agentId}&customerId=C-agent`)).toEqual([first.id]);
    expect(await idsOf(`agentId=${agentId}&conversationId=${second.conversationId}`)).toEqual([second.id]);
    expect(await idsOf(`agentId=${agentId}&status=dead`)).toEqual([]);
    expect(await idsOf(`agentId=${randomUUID()}`)).toEqual([]);
  });

  it('has those of one channel, page by page', async () => {
    const chats = [await handIn({ channel: 'CHAT' }), await handIn({ channel: 'CHAT', customerId: 'C-chat' })];
    await handIn({ channel: 'EMAIL' });
    await handIn();
    const newestFirst = chats.map(({ id }) => id).reverse();
    expect(await idsOf('channel=CHAT')).toEqual(newestFirst);
    expect(await idsOf('channel=CHAT&customerId=C-chat')).toEqual(newestFirst.slice(0, 1));
    expect(await idsOf('channel=CALLBACK')).toEqual([]);
    const page = (await stage.ask(`${PATH}?channel=CHAT&limit=1`)).body;
    expect(page.items).toMatchObject([{ id: newestFirst[0], channel: 'CHAT' }]);
    expect(await idsOf(`channel=CHAT&limit=1&cursor=${page.nextCursor}`)).toEqual(newestFirst.slice(1));
  });

  it('has those whose last error has one code, first of their topic, then of a delivery that was only put off', async () => {
    const conversationId = randomUUID();
    stage.simulator.genesys.configure({ forbiddenTopics: [topicOf(conversationId)] });
    const { id } = await handIn({ conversationId, customerId: 'C-error' });
    await eventually(async () => (await idsOf('errorCode=topic.rejected')).includes(id));
    expect(await idsOf('errorCode=topic.rejected&status=accepted')).toEqual([id]);
    expect(await idsOf('errorCode=topic.rejected&status=dead')).toEqual([]);
    expect(await idsOf('errorCode=topic.rejected&customerId=C-error')).toEqual([id]);
    expect(await idsOf('errorCode=history.http-503&customerId=C-error')).toEqual([]);

    stage.simulator.history.fail({ status: 503, count: 1 });
    await stage.post('/customers/supportResult', { conversationId, customerId: 'C-error', wrapupCode: 'done' });
    await eventually(async () => (await stage.ask(`${PATH}/${id}`)).body.status === 'delivered');
    expect(await idsOf('errorCode=topic.rejected')).toEqual([]);
    expect(await idsOf('errorCode=history.http-503')).toEqual([id]);
    expect((await stage.ask(`${PATH}/${id}`)).body.lastError.code).toBe('history.http-503');
  });

  it('has those that were given up for one reason', async () => {
    stage.simulator.history.fail({ status: 422, count: 1 });
    const result = { conversationId: randomUUID(), customerId: 'C-dead', wrapupCode: 'done' };
    const { id } = (await stage.post('/customers/supportResult', result)).body;
    await eventually(async () => (await idsOf('errorCode=history.http-422&status=dead')).includes(id));
    expect(await idsOf('errorCode=history.http-422')).toEqual([id]);
    expect(await idsOf('errorCode=history.http-422&channel=CALL')).toEqual([]);
  });

  it.each([
    ['agentId=Anna', /^agentId must be a UUID \(given: "Anna"\)$/],
    ['channel=FAX', /^channel must be one of CALL, CHAT, EMAIL, MESSAGE, CALLBACK, OTHER \(given: "FAX"\)$/],
    ['channel=call', /channel must be one of/],
    ['errorCode=', /^errorCode has 0 characters; the least is 1$/],
    [`errorCode=${'x'.repeat(101)}`, /^errorCode has 101 characters; the limit is 100$/],
    ['agent=1', /agent is not/],
  ])('refuses %s and says what is possible', async (query, said) => {
    const { status, body } = await stage.ask(`${PATH}?${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'request.invalid', message: expect.stringMatching(said) });
  });
});
