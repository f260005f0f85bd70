import { randomUUID } from 'node:crypto';
import { recordIdOf } from '../../src/history/record.js';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import { ListeningCheck } from '../../src/conversations/listening-check.service.js';
import { TcpProxy } from '../faults/tcp-proxy.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/process-scene.js';

const RETRIES = { RETRY_BASE_MS: '50', RETRY_CAP_MS: '200' };
const COMMITTED = Buffer.from('COMMIT\0');

describe('PostgreSQL commits, and its answer is lost', () => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let proxy: TcpProxy;
  let database: Awaited<ReturnType<typeof freshTarget>>;

  beforeAll(async () => {
    simulator = await startSimulator();
    database = await freshTarget('postgres');
    const { target } = database;
    if (target.kind !== 'postgres') throw new Error('PostgreSQL is needed');
    const url = new URL(target.url);
    proxy = await TcpProxy.open({ host: url.hostname, port: Number(url.port) });
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    gateway = await startGateway(simulator, { ...target, url: url.href }, RETRIES);
  });

  afterAll(async () => {
    proxy.restore();
    await gateway.stop();
    await proxy.close();
    await simulator.stop();
  });

  /** The commit of the next transaction that speaks of `text`: it takes place, and its connection breaks before the answer. */
  function loseCommitOf(text: string): Promise<void> {
    const speaking = new Set<object>();
    return new Promise((resolve) => {
      proxy.tap = (direction, chunk, connection) => {
        if (direction === 'up' && chunk.includes('begin')) speaking.delete(connection);
        if (direction === 'up' && chunk.includes(text)) speaking.add(connection);
        if (direction === 'up' || !speaking.has(connection) || !chunk.includes(COMMITTED)) return true;
        proxy.tap = undefined;
        proxy.drop();
        resolve();
        return false;
      };
    });
  }

  const post = (path: string, body: object) => gateway.call('post', path).send({ customerId: 'C-1', ...body });
  const topicOf = (conversationId: string) => `v2.detail.events.conversation.${conversationId}.acw`;
  const listened = (conversationId: string) =>
    simulator.genesys.waitFor(() => simulator.genesys.topics().includes(topicOf(conversationId)));
  const released = (conversationId: string) =>
    simulator.genesys.waitFor(() => !simulator.genesys.topics().includes(topicOf(conversationId)), 20_000);

  async function delivered(id: string): Promise<void> {
    await simulator.history.waitFor(() => simulator.history.records.has(recordIdOf(id)), 20_000);
    let status = '';
    while (status !== 'delivered') {
      status = (await gateway.call('get', `/customers/supportInteraction/${id}`)).body.status as string;
    }
  }

  it('listens for an interaction that is handed in again', async () => {
    const conversationId = randomUUID();
    const lost = loseCommitOf(conversationId);
    await post('/customers/supportInteraction', { conversationId }).expect(503);
    await lost;
    const { body } = await post('/customers/supportInteraction', { conversationId }).expect(200);
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId);
    await delivered(body.id as string);
  });

  it('listens for an interaction that is handed in again at another replica', async () => {
    const other = await startGateway(simulator, database.target, RETRIES);
    try {
      const conversationId = randomUUID();
      const lost = loseCommitOf(conversationId);
      await post('/customers/supportInteraction', { conversationId }).expect(503);
      await lost;
      const again = { customerId: 'C-1', conversationId };
      const { body } = await other.call('post', '/customers/supportInteraction').send(again).expect(200);
      // The other one leaves it to its owner, who compares what waits with what is wanted every half minute.
      const check = gateway.app.get(ListeningCheck);
      await eventually(async () => {
        await check.check().catch(() => undefined);
        return simulator.genesys.topics().includes(topicOf(conversationId));
      });
      simulator.genesys.conversations.finishWork(conversationId);
      await delivered(body.id as string);
      await released(conversationId);
      const recordId = recordIdOf(body.id as string);
      expect(simulator.history.received.filter((each) => each.key === recordId)).toHaveLength(1);
    } finally {
      await other.stop();
    }
  });

  it('cancels once what is cancelled again, lets its topic go, and begins anew what is handed in after it', async () => {
    const conversationId = randomUUID();
    const { body } = await post('/customers/supportInteraction', { conversationId }).expect(202);
    await listened(conversationId);
    const path = `/customers/supportInteraction/${body.id as string}`;
    const lost = loseCommitOf(body.id as string);
    await gateway.call('delete', path).expect(503);
    await lost;
    const cancelled = await gateway.call('delete', path).expect(200);
    expect(cancelled.body).toMatchObject({ id: body.id, status: 'cancelled', cancelledAt: expect.any(String) });
    await released(conversationId);
    expect((await gateway.call('delete', path).expect(200)).body).toEqual(cancelled.body);
    const audit = (await gateway.call('get', '/ops/audit', 'admin').expect(200)).body as {
      items: { target: string }[];
    };
    expect(audit.items.filter(({ target }) => target === body.id)).toHaveLength(1);
    await post('/customers/supportInteraction', { conversationId }).expect(202);
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId);
    await delivered(body.id as string);
  });

  it('delivers a result that is handed in again', async () => {
    const conversationId = randomUUID();
    await post('/customers/supportInteraction', { conversationId }).expect(202);
    await listened(conversationId);
    const lost = loseCommitOf(conversationId);
    await post('/customers/supportResult', { conversationId, wrapupCode: 'solved' }).expect(503);
    await lost;
    const { body } = await post('/customers/supportResult', { conversationId, wrapupCode: 'solved' }).expect(200);
    await delivered(body.id as string);
    await released(conversationId);
  });

  it('sends nothing again whose outcome it was', async () => {
    const conversationId = randomUUID();
    const { body } = await post('/customers/supportInteraction', { conversationId }).expect(202);
    await listened(conversationId);
    const recordId = recordIdOf(body.id as string);
    const lost = loseCommitOf(`"v_id":"${recordId}"`);
    simulator.genesys.conversations.finishWork(conversationId);
    await lost;
    await delivered(body.id as string);
    await released(conversationId);
    expect(simulator.history.received.filter((each) => each.key === recordId)).toHaveLength(1);
  });

  it('delivers after-call work once whose capture it was', async () => {
    const conversationId = randomUUID();
    const { body } = await post('/customers/supportInteraction', { conversationId }).expect(202);
    await listened(conversationId);
    const lost = loseCommitOf(conversationId);
    simulator.genesys.conversations.finishWork(conversationId);
    await lost;
    await delivered(body.id as string);
    await released(conversationId);
  });
});
