import { INTERACTION, RESULT } from '../helpers/tables-bodies.js';
import { sentenceOf } from '../helpers/tables-fields.js';
import { INTERNALS, newConversation, Stage } from '../helpers/tables-stage.js';

/** What SQLite stores PostgreSQL may refuse, so each body is tried on one of them. */
const TABLES = [
  { ...INTERACTION, kind: 'sqlite' },
  { ...RESULT, kind: 'postgres' },
] as const;

describe.each(TABLES)('a bad body of POST $path ($kind)', ({ path, valid, bad, good, kind }) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.start({}, kind);
  });
  afterAll(() => stage.stop());

  it.each(bad)('$name', async ({ change, details }) => {
    const before = await stage.total();
    const answer = await stage.post(path, { conversationId: newConversation(), ...valid, ...change });
    expect(answer.body).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: details.map(sentenceOf).join('; '),
      code: 'request.invalid',
      details,
    });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toMatch(INTERNALS);
    expect(await stage.total()).toBe(before);
  });

  it.each(good)('is none: $name', async ({ change }) => {
    const before = await stage.total();
    const sent: Record<string, unknown> = { conversationId: newConversation(), ...valid, ...change };
    const answer = await stage.post(path, sent);
    expect({ status: answer.status, body: answer.body }).toMatchObject({
      status: 202,
      body: { customerId: sent['customerId'] },
    });
    expect(await stage.total()).toBe(before + 1);
    const stored = await stage.ask(`${path.replace('Result', 'Interaction')}/${answer.body.id}`);
    for (const field of ['channel', 'subject', 'notes', 'attributes']) {
      expect({ [field]: stored.body[field] }).toEqual({ [field]: sent[field] });
    }
  });
});
