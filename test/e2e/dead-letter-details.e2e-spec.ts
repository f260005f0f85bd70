import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Stage } from '../helpers/tables-stage.js';
import { PushStage } from '../push/push-stage.js';

const TOKEN = 'hush-history-token-1';
const RESULT = {
  customerId: 'C-4711-secret',
  subject: 'subject-secret',
  notes: 'notes-secret',
  attributes: { caseId: 'case-secret' },
  wrapupCode: 'done',
  wrapupNotes: 'wrapup-secret',
};

/** Refuses every record, and repeats all that it was told. */
async function echo(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { authorization } = request.headers;
      const answer = { code: 'E-77', message: `${authorization} may not send`, sent: JSON.parse(body) as unknown };
      response.writeHead(422, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe.each(['sqlite', 'postgres'] as const)('one dead letter (%s)', (kind) => {
  let stage: Stage;
  let history: Server;
  let letter: { recordId: string; interactionId: string };
  beforeAll(async () => {
    history = await echo();
    const { port } = history.address() as AddressInfo;
    stage = await Stage.start({ HISTORY_URL: `http://127.0.0.1:${port}/`, HISTORY_TOKEN: TOKEN }, kind);
    await stage.post('/customers/supportResult', { conversationId: randomUUID(), ...RESULT });
    const giveUpAt = Date.now() + 10_000;
    for (;;) {
      const { items } = (await stage.ask('/ops/dead-letters', { as: 'viewer' })).body;
      [letter] = items;
      if (items.length > 0) break;
      if (Date.now() > giveUpAt) throw new Error('nothing died within 10 s');
    }
  });
  afterAll(async () => {
    await stage.stop();
    await new Promise((resolve) => history.close(resolve));
  });

  const details = (as: 'viewer' | 'operator' | 'privacy' | 'admin', query = '') =>
    stage.ask(`/ops/dead-letters/${letter.recordId}${query}`, { as });
  const audit = async (): Promise<object[]> => (await stage.ask('/ops/audit', { as: 'admin' })).body.items;

  it.each(['viewer', 'operator'] as const)('shows %s why it died, and nothing of the customer', async (as) => {
    const answer = await details(as);
    expect(answer.body).toMatchObject({
      recordId: letter.recordId,
      sink: 'history',
      state: 'dead',
      reason: 'history.http-422',
      lastStatus: 422,
      attempts: 1,
      firstAttemptAt: expect.any(String),
      lastErrorAt: expect.any(String),
      answer: expect.stringContaining('"code":"E-77"'),
      record: {
        recordId: letter.recordId,
        source: 'manual',
        customerId: '***',
        subject: '***',
        attributes: { caseId: '***' },
        wrapup: { code: 'done', notes: '***' },
      },
    });
    expect(answer.text).not.toMatch(/secret|hush/);
    expect((await details(as, '?reveal=true')).status).toBe(403);
    expect(await audit()).toEqual([]);
  });

  it('shows what was sent and answered to those who may see it, without the token, and writes that down', async () => {
    for (const as of ['privacy', 'admin'] as const) {
      const { body, text } = await details(as);
      expect(body.record).toMatchObject({ customerId: RESULT.customerId, wrapup: { notes: 'wrapup-secret' } });
      expect(body.answer).toContain('subject-secret');
      expect(text).not.toContain('hush');
    }
    const reveal = { action: 'reveal', target: letter.recordId, details: { sink: 'history' } };
    expect(await audit()).toMatchObject([
      { actor: 'operator', ...reveal },
      { actor: 'dpo', ...reveal },
    ]);
  });

  it('is not found when there is none', async () => {
    const answer = await stage.ask(`/ops/dead-letters/${randomUUID()}`, { as: 'viewer' });
    expect(answer).toMatchObject({ status: 404, body: { code: 'delivery.not-found' } });
  });
});

describe.each(['sqlite', 'postgres'] as const)('one push that was given up (%s)', (kind) => {
  let stage: PushStage;
  beforeAll(async () => {
    stage = await PushStage.start({}, kind);
  });
  afterAll(() => stage.stop());

  it('names the event, the subscriber and what the receiver said', async () => {
    stage.receiver.answer = (_, response) => response.writeHead(422).end('{"code":"P-1","message":"says-secret"}');
    const subscription = await stage.subscribed('dead.letters');
    const { id } = await stage.published('dead.letters', 'message-secret');
    const [row] = await stage.settled(subscription);
    const ask = (as: 'viewer' | 'privacy') => stage.stage.ask(`/ops/dead-letters/${row?.id}`, { as });
    const push = { tag: 'dead.letters', type: 'httpcb', subscriberId: 'service-1', publishedAt: expect.any(String) };
    const masked = await ask('viewer');
    expect(masked.body).toMatchObject({
      sink: 'push',
      subscriptionId: subscription,
      answer: '{"code":"P-1","message":"***"}',
      push: { ...push, eventId: row?.payload, message: '***' },
    });
    expect(masked.text).not.toContain('secret');
    expect((await ask('privacy')).body).toMatchObject({
      answer: '{"code":"P-1","message":"says-secret"}',
      push: { ...push, message: 'message-secret' },
    });
    expect(id).toBeDefined();
  });
});
