import { newConversation, Stage, type Answer } from '../helpers/tables-stage.js';

const INTERACTION = '/customers/supportInteraction';
const RESULT = '/customers/supportResult';

/** How many callers hand in the same thing at once. */
const CROWD = 50;

describe.each(['sqlite', 'postgres'] as const)('the same request again (%s)', (kind) => {
  let stage: Stage;
  let conversationId: string;

  beforeAll(async () => {
    stage = await Stage.start({}, kind);
  });
  beforeEach(() => {
    conversationId = newConversation();
  });
  afterAll(() => stage.stop());

  const post = (path: string, more: object) => stage.post(path, { conversationId, customerId: 'C-1', ...more });

  function conflict(answer: Answer, message: RegExp): void {
    expect(answer.body).toEqual({
      statusCode: 409,
      error: 'Conflict',
      code: 'interaction.conflict',
      message: expect.stringMatching(message),
    });
    expect(answer.status).toBe(409);
  }

  it('is answered with the first one, whatever the order of its fields', async () => {
    const first = await stage.post(INTERACTION, {
      conversationId,
      customerId: 'C-1',
      subject: 'Invoice',
      attributes: { a: '1', b: '2' },
    });
    expect(first.status).toBe(202);
    const location = `${INTERACTION}/${first.body.id}`;
    expect(first.headers.get('location')).toBe(location);
    const again = await stage.post(INTERACTION, {
      attributes: { b: '2', a: '1' },
      subject: 'Invoice',
      customerId: 'C-1',
      conversationId,
    });
    expect(again.status).toBe(200);
    expect(again.headers.get('location')).toBe(location);
    expect({ ...again.body, status: 'any' }).toEqual({ ...first.body, status: 'any' });
  });

  it('is a conflict with other contents, and changes nothing', async () => {
    const { body } = await post(INTERACTION, { notes: 'first' });
    const others = [{}, { notes: 'second' }, { notes: 'first', subject: '' }, { notes: 'first', attributes: {} }];
    for (const other of others) {
      conflict(
        await post(INTERACTION, other),
        new RegExp(`^Interaction ${body.id} exists for conversation ${conversationId}, .* with other contents`),
      );
    }
    expect((await stage.ask(`${INTERACTION}/${body.id}`)).body).toMatchObject({ notes: 'first' });
    expect((await post(INTERACTION, { notes: 'first' })).status).toBe(200);
  });

  it('is another interaction for another customer or agent', async () => {
    const agents = [newConversation(), newConversation()];
    const answers = [
      await post(INTERACTION, {}),
      await post(INTERACTION, { customerId: 'C-2' }),
      await post(INTERACTION, { agentId: agents[0] }),
      await post(INTERACTION, { agentId: agents[1] }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(4);
    expect(new Set(answers.map(({ body }) => body.topic)).size).toBe(1);
  });

  it('is the same conversation and agent in upper case', async () => {
    const agentId = newConversation();
    const lower = await post(INTERACTION, { agentId });
    const ids = { conversationId: conversationId.toUpperCase(), agentId: agentId.toUpperCase() };
    const upper = await post(INTERACTION, ids);
    expect({ status: upper.status, id: upper.body.id }).toEqual({ status: 200, id: lower.body.id });
    expect(upper.body).toMatchObject({ conversationId, topic: `v2.detail.events.conversation.${conversationId}.acw` });
    const listed = await stage.ask(`${INTERACTION}?conversationId=${conversationId.toUpperCase()}`);
    expect(listed.body.items).toHaveLength(1);
    expect((await stage.ask(`${INTERACTION}/${(lower.body.id as string).toUpperCase()}`)).status).toBe(200);
  });

  it.each([
    [INTERACTION, { subject: 'Invoice' }],
    [RESULT, { wrapupCode: 'solved' }],
  ])('makes one when many hand it in at once: %s', async (path, more) => {
    const before = await stage.total();
    const answers = await Promise.all(Array.from({ length: CROWD }, () => post(path, more)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(CROWD - 1).fill(200), 202]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await stage.total()).toBe(before + 1);
  });

  it('lets one win when many hand in different ones at once', async () => {
    const before = await stage.total();
    const posts = Array.from({ length: CROWD }, (_, index) => post(INTERACTION, { subject: `no. ${index}` }));
    const answers = await Promise.all(posts);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array<number>(CROWD - 1).fill(409)]);
    expect(await stage.total()).toBe(before + 1);
  });

  it('is answered with the first result; another one is a conflict', async () => {
    const first = await post(RESULT, { wrapupCode: 'solved', endedAt: '2026-01-31T12:00:00Z' });
    expect({ status: first.status, state: first.body.status }).toEqual({ status: 202, state: 'captured' });
    const again = await post(RESULT, { endedAt: '2026-01-31T12:00:00Z', wrapupCode: 'solved' });
    expect({ status: again.status, id: again.body.id }).toEqual({ status: 200, id: first.body.id });
    conflict(await post(RESULT, { wrapupCode: 'open' }), new RegExp(`^Interaction ${first.body.id} .* another result`));
  });

  it('completes the interaction that waits, once', async () => {
    const waiting = await post(INTERACTION, { subject: 'Invoice' });
    const result = await post(RESULT, { wrapupCode: 'solved' });
    expect({ status: result.status, id: result.body.id }).toEqual({ status: 202, id: waiting.body.id });
    expect((await post(RESULT, { wrapupCode: 'solved' })).status).toBe(200);
    conflict(await post(RESULT, { wrapupCode: 'open' }), /another result/);
    expect((await post(INTERACTION, { subject: 'Invoice' })).status).toBe(200);
  });

  it('is told what can be done about other contents: to cancel what waits, nothing once the result is there', async () => {
    await post(INTERACTION, {});
    const other = { notes: 'second' };
    conflict(
      await post(INTERACTION, other),
      / is (accepted|listening)\. The first one stays as it is; cancel it or hand in the same contents\.$/,
    );
    const nothing =
      / is (captured|delivered)\. The first one stays as it is; it has its result, so nothing is to be done\.$/;
    await post(RESULT, { wrapupCode: 'solved' });
    conflict(await post(INTERACTION, other), nothing);
    conflict(await post(RESULT, { wrapupCode: 'open' }), /another result.*; nothing is to be done\.$/);
    // No contents are those of a result that nobody waited for.
    const alone = { conversationId: newConversation() };
    await post(RESULT, { ...alone, wrapupCode: 'solved' });
    conflict(await post(INTERACTION, alone), nothing);
  });

  it('cancels twice with the same answer, and not what is captured', async () => {
    const { body } = await post(INTERACTION, {});
    const path = `${INTERACTION}/${body.id}`;
    const first = await stage.ask(path, { method: 'DELETE' });
    const second = await stage.ask(path, { method: 'DELETE', as: 'admin' });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.body).toMatchObject({ id: body.id, status: 'cancelled', cancelledAt: expect.any(String) });
    // Whoever hands in sees what was handed in; others ask for it with `reveal=true`.
    expect(second.body).toEqual({ ...first.body, customerId: '***' });
    const captured = await stage.post(RESULT, { conversationId, customerId: 'C-2', wrapupCode: 'solved' });
    const refused = await stage.ask(`${INTERACTION}/${captured.body.id}`, { method: 'DELETE' });
    expect(refused.body).toEqual({
      statusCode: 409,
      error: 'Conflict',
      code: 'interaction.captured',
      message: expect.stringMatching(
        `^Interaction ${captured.body.id} is (captured|delivered): its after-call work has been captured, so it can no longer be cancelled\\.$`,
      ),
    });
  });
});
