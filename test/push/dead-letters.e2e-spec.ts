import type { Answer } from '../helpers/tables-stage.js';
import { PushStage } from './push-stage.js';

describe.each(['sqlite', 'postgres'] as const)('pushes that are given up (%s)', (kind) => {
  let stage: PushStage;
  beforeAll(async () => {
    stage = await PushStage.start({}, kind);
  });
  afterAll(() => stage.stop());

  const letters = (query = ''): Promise<Answer> => stage.stage.ask(`/ops/dead-letters${query}`, { as: 'admin' });
  const replay = (path: string, body: unknown): Promise<Answer> => stage.stage.post(path, body, { as: 'admin' });

  it('are dead letters beside the records, and are sent again under the same key', async () => {
    stage.receiver.answer = (_, response) => response.writeHead(422).end();
    const subscription = await stage.subscribed('dead.letters');
    await stage.published('dead.letters', 'one');
    const [row] = await stage.settled(subscription);
    expect(await letters()).toMatchObject({
      status: 200,
      body: {
        items: [{ recordId: row?.id, sink: 'push', subscriptionId: subscription, state: 'dead', lastStatus: 422 }],
      },
    });
    expect((await letters('?sink=history')).body).toEqual({ items: [] });
    expect((await letters('?sink=push')).body.items).toHaveLength(1);
    stage.receiver.answer = (_, response) => response.end();
    expect((await replay(`/ops/dead-letters/${row?.id}/replay`, undefined)).status).toBe(202);
    await stage.receiver.has(2);
    expect(new Set(stage.receiver.received.map(({ headers }) => headers['idempotency-key']))).toEqual(
      new Set([row?.id]),
    );
    expect((await stage.settled(subscription)).map(({ state }) => state)).toEqual(['delivered']);
  });

  it('are told apart from records when many are sent again', async () => {
    expect((await replay('/ops/dead-letters/replay', { filter: { sink: 'push' }, dryRun: true })).body).toMatchObject({
      count: 0,
    });
    expect(await letters('?sink=email')).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  });
});
