import { PushStage } from './push-stage.js';

describe.each(['sqlite', 'postgres'] as const)('publishing (%s)', (kind) => {
  let stage: PushStage;
  beforeAll(async () => {
    stage = await PushStage.start({}, kind);
  });
  afterAll(() => stage.stop());

  it('posts the message to every subscription whose filter matches', async () => {
    await stage.subscribed('ors.*', {}, '/a');
    await stage.subscribed('ors.contact.12345678', {}, '/b');
    await stage.subscribed('gms.*', {}, '/c');
    const { matched } = await stage.published('ors.contact.12345678', 'hello');
    expect(matched).toBe(2);
    await stage.receiver.has(2);
    expect(stage.receiver.received.map(({ path, body }) => [path, body]).sort()).toEqual([
      ['/a', 'hello'],
      ['/b', 'hello'],
    ]);
  });
});
