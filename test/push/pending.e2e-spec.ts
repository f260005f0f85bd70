import { PushStage, until } from './push-stage.js';
import { Receiver } from './receiver.js';

describe.each(['sqlite', 'postgres'] as const)('GET /ops/push/pending (%s)', (kind) => {
  let stage: PushStage;
  let other: Receiver;

  beforeAll(async () => {
    // What fails waits for the rest of the test.
    stage = await PushStage.start({ RETRY_BASE_MS: '600000', RETRY_CAP_MS: '600000' }, kind);
    other = await Receiver.start();
  });
  afterAll(async () => {
    await stage.stop();
    await other.stop();
  });

  const pending = (query = '', as: 'viewer' | 'intake' = 'viewer') =>
    stage.stage.ask(`/ops/push/pending${query}`, { as });

  it('says for each destination how much waits, since when, and what failed last', async () => {
    expect((await pending()).body).toEqual({ items: [] });
    for (const receiver of [stage.receiver, other]) {
      receiver.answer = (_, response) => response.writeHead(503).end('customer-secret');
      const deviceId = `${receiver.origin}/callback?key=query-secret`;
      await stage.subscribed('orders.*', { notificationDetails: { type: 'httpcb', deviceId } });
    }
    for (const message of ['1', '2', '3']) await stage.published('orders.new', message);
    await until(async () => {
      const { items } = (await pending()).body as { items: { lastError: object | null; waiting: number }[] };
      return items.length === 2 && items.every(({ lastError, waiting }) => lastError !== null && waiting === 3);
    });
    const { body, text } = await pending();
    const row = (destination: string) => ({
      destination,
      waiting: 3,
      oldestWaitingMs: expect.any(Number),
      attempts: 1,
      nextAttemptAt: expect.stringContaining('T'),
      lastError: {
        code: 'push.http-503',
        message: 'the receiver answered 503',
        status: 503,
        at: expect.stringContaining('T'),
      },
    });
    const [first = '', second = ''] = [stage.receiver.origin, other.origin].sort();
    expect(body).toEqual({ items: [row(first), row(second)] });
    expect(text).not.toContain('secret');
    const page = await pending('?limit=1');
    expect(page.body).toEqual({ items: [row(first)], nextCursor: first });
    expect((await pending(`?limit=1&cursor=${encodeURIComponent(first)}`)).body).toEqual({ items: [row(second)] });
    expect((await pending('?limit=51')).status).toBe(400);
    expect((await pending('', 'intake')).status).toBe(403);
  });
});
