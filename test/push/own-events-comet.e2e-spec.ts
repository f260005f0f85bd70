import { randomUUID } from 'node:crypto';
import { KEYS } from '../helpers/environment.js';
import { TestClient } from './comet-rig.js';
import { PushStage, until } from './push-stage.js';

describe.each(['sqlite', 'postgres'] as const)('own events over CometD (%s)', (kind) => {
  let stage: PushStage;
  const clients: TestClient[] = [];
  beforeEach(async () => {
    stage = await PushStage.start({}, kind);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.disconnect()));
    await stage.stop();
  });

  /** A client that hears what is pushed to alice. */
  async function alice(key: string): Promise<TestClient> {
    const client = new TestClient(`${stage.stage.gateway.url}/genesys/cometd`, 'websocket', { user: 'alice', key });
    clients.push(client);
    expect(await client.handshake()).toMatchObject({ successful: true });
    expect(await client.subscribe()).toMatchObject({ successful: true });
    return client;
  }

  async function subscribed(filter: string): Promise<string> {
    const body = stage.subscription(filter, { notificationDetails: { type: 'comet' } });
    const answer = await stage.post('/subscription', body, { headers: { gms_user: 'alice' } });
    expect(answer.status).toBe(200);
    return answer.body.id as string;
  }

  async function handedIn(): Promise<string> {
    const conversationId = randomUUID();
    const body = { conversationId, customerId: 'C-1' };
    expect((await stage.stage.post('/customers/supportInteraction', body)).status).toBe(202);
    return `genesys.conversation.${conversationId.replaceAll('-', '_')}.accepted`;
  }

  const tagsOf = ({ received }: TestClient): string[] => received.map((each) => (each as { tag: string }).tag);

  it('reach a session of a key that may have them, and wait for it without an attempt', async () => {
    const id = await subscribed('*');
    const curious = await alice(KEYS.intake);
    const tag = await handedIn();
    await until(async () => (await stage.deliveries(id)).length === 1);
    await stage.published('a.b', 'for every alice');
    await until(async () => curious.received.length > 0);
    expect(tagsOf(curious)).toEqual(['a.b']);
    expect(await stage.deliveries(id)).toMatchObject([{ state: 'pending', attempts: 0 }, {}]);

    const rightful = await alice(KEYS.publish);
    await until(async () => rightful.received.length === 1);
    expect(tagsOf(rightful)).toEqual([tag]);
    const next = await handedIn();
    await until(async () => rightful.received.length === 2);
    expect(tagsOf(rightful)).toEqual([tag, next]);
    await stage.published('a.b', 'for both');
    await until(async () => rightful.received.length === 3 && curious.received.length === 2);
    expect(tagsOf(curious)).toEqual(['a.b', 'a.b']);
    expect((await stage.settled(id)).map(({ state, attempts }) => [state, attempts])).toEqual(
      Array.from({ length: 4 }, () => ['delivered', 1]),
    );
  });

  it('stay with such a session however many other keys shake hands as the same user', async () => {
    await subscribed('genesys.*');
    const rightful = await alice(KEYS.publish);
    const others: TestClient[] = [];
    for (let no = 0; no < 11; no++) others.push(await alice(KEYS.intake));
    const tag = await handedIn();
    await until(async () => rightful.received.length === 1);
    expect(tagsOf(rightful)).toEqual([tag]);
    expect(others.flatMap(tagsOf)).toEqual([]);
  });
});
