import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Simulator } from '../../simulator/index.js';
import { startSimulator } from '../../simulator/index.js';
import type { Environment } from '../../src/config/environment.js';
import { freshTarget } from '../helpers/databases.js';
import { type RunningGateway, startGateway } from '../helpers/gateway.js';

interface Event {
  version: number;
  event: string;
  at: string;
  conversationId?: string;
  interactionId?: string;
  [field: string]: unknown;
}

/** Takes callbacks, and lets a test wait for them. */
class Receiver {
  readonly events: Event[] = [];
  readonly tags: string[] = [];
  readonly keys: string[] = [];
  private readonly looks = new Set<() => void>();
  private readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.events.push(JSON.parse(Buffer.concat(chunks).toString()) as Event);
      this.tags.push(String(request.headers['x-genesys-tag']));
      this.keys.push(String(request.headers['idempotency-key']));
      response.writeHead(200).end();
      for (const look of this.looks) look();
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/events`;
  }

  /** Resolves once an event fits. */
  got(fits: (event: Event) => boolean): Promise<Event> {
    return new Promise((resolve) => {
      const look = (): void => {
        const event = this.events.find(fits);
        if (!event) return;
        this.looks.delete(look);
        resolve(event);
      };
      this.looks.add(look);
      look();
    });
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }
}

describe.each(['sqlite', 'postgres'] as const)("the gateway's own events (%s)", (kind) => {
  let simulator: Simulator;
  let gateway: RunningGateway;
  let database: Awaited<ReturnType<typeof freshTarget>>;
  let receiver: Receiver;
  let url: string;

  const start = async (environment: Environment = {}): Promise<void> => {
    gateway = await startGateway(simulator, database.target, {
      PUSH_ALLOWED_HOSTS: '127.0.0.1',
      RETRY_BASE_MS: '20',
      RETRY_CAP_MS: '50',
      LOOKUP_SWEEP_S: '0.2',
      ...environment,
    });
  };

  beforeEach(async () => {
    simulator = await startSimulator();
    database = await freshTarget(kind);
    receiver = new Receiver();
    url = await receiver.start();
  });

  afterEach(async () => {
    await gateway.stop();
    await receiver.stop();
    await simulator.stop();
    await database.remove();
  });

  const subscribe = async (filter: string): Promise<void> => {
    await gateway
      .call('post', '/genesys/1/notification/subscription', 'publish')
      .send({ subscriberId: 's', filter, notificationDetails: { type: 'httpcb', deviceId: url } })
      .expect(200);
  };
  const handIn = async (conversationId: string): Promise<string> => {
    const body = { conversationId, customerId: 'C-1' };
    const answer = await gateway.call('post', '/customers/supportInteraction').send(body).expect(202);
    return (answer.body as { id: string }).id;
  };
  const listened = (conversationId: string): Promise<boolean> =>
    simulator.genesys.waitFor(() => simulator.genesys.topics().some((topic) => topic.includes(conversationId)));
  const tagOf = (conversationId: string, event: string): string =>
    `genesys.conversation.${conversationId.replaceAll('-', '_')}.${event}`;

  it('tells each step of an interaction, in order, to whoever follows its conversation', async () => {
    await start();
    const conversationId = randomUUID();
    await subscribe(`genesys.conversation.${conversationId.replaceAll('-', '_')}.*`);
    const interactionId = await handIn(conversationId);
    await handIn(randomUUID());
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId, { wrapupCode: 'sold' });
    await receiver.got(({ event }) => event === 'delivered');
    expect(receiver.events).toEqual([
      { version: 1, event: 'accepted', at: expect.any(String), conversationId, interactionId, customerId: 'C-1' },
      {
        version: 1,
        event: 'acw',
        at: expect.any(String),
        conversationId,
        interactionId,
        record: expect.objectContaining({ interactionId, wrapup: expect.objectContaining({ code: 'sold' }) }),
      },
      { version: 1, event: 'delivered', at: expect.any(String), conversationId, interactionId, attempts: 1 },
    ]);
    expect(receiver.tags).toEqual(['accepted', 'acw', 'delivered'].map((event) => tagOf(conversationId, event)));
  });

  it('tells of a record that the history refuses', async () => {
    await start();
    await subscribe('genesys.conversation.*');
    simulator.history.fail({ status: 422 });
    const conversationId = randomUUID();
    await handIn(conversationId);
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId, { wrapupCode: 'sold' });
    const dead = await receiver.got(({ event }) => event === 'dead');
    expect(dead).toMatchObject({ conversationId, attempts: 1, error: { code: expect.stringMatching(/^history\./) } });
  });

  it('tells of an interaction that expires', async () => {
    await start({ INTERACTION_TTL_HOURS: '0.0002' });
    await subscribe('genesys.conversation.*');
    const conversationId = randomUUID();
    const interactionId = await handIn(conversationId);
    expect(await receiver.got(({ event }) => event === 'expired')).toMatchObject({ conversationId, interactionId });
  });

  const told = (conversationId: string): string[] =>
    receiver.events.filter((event) => event.conversationId === conversationId).map(({ event }) => event);

  it('tells of the second life of one that was cancelled and handed in again, as of the first', async () => {
    await start();
    await subscribe('genesys.conversation.*');
    const conversationId = randomUUID();
    const interactionId = await handIn(conversationId);
    await listened(conversationId);
    await gateway.call('delete', `/customers/supportInteraction/${interactionId}`).expect(200);
    expect(await handIn(conversationId)).toBe(interactionId);
    await receiver.got(() => told(conversationId).length === 2);
    simulator.genesys.conversations.finishWork(conversationId, { wrapupCode: 'sold' });
    await receiver.got(({ event }) => event === 'delivered');
    expect(told(conversationId)).toEqual(['accepted', 'accepted', 'acw', 'delivered']);
    expect(new Set(receiver.keys).size).toBe(4);
    const [first, second] = receiver.events;
    expect(second).toEqual({ ...first, at: expect.any(String) });
    expect(Date.parse(second?.at ?? '')).toBeGreaterThan(Date.parse(first?.at ?? ''));
  });

  it('tells of each life of one that expires twice', async () => {
    await start({ INTERACTION_TTL_HOURS: '0.0002' });
    await subscribe('genesys.conversation.*');
    const conversationId = randomUUID();
    const interactionId = await handIn(conversationId);
    await receiver.got(({ event }) => event === 'expired');
    expect(await handIn(conversationId)).toBe(interactionId);
    await receiver.got(() => told(conversationId).length === 4);
    expect(told(conversationId)).toEqual(['accepted', 'expired', 'accepted', 'expired']);
    expect(new Set(receiver.keys).size).toBe(4);
  });

  it('tells of closings and gaps', async () => {
    await start();
    await subscribe('genesys.channel.*');
    await subscribe('genesys.gap');
    const conversationId = randomUUID();
    await handIn(conversationId);
    await listened(conversationId);
    simulator.genesys.faults.socketClosing('all');
    expect(await receiver.got(({ event }) => event === 'closing')).toMatchObject({ channel: expect.any(Number) });
    expect(receiver.tags).toEqual([expect.stringMatching(/^genesys\.channel\.\d+\.closing$/)]);
    // The hand-over leaves no gap; a lost socket does.
    await simulator.genesys.waitFor(
      () => simulator.genesys.channels().filter(({ connected }) => connected).length === 1,
    );
    simulator.genesys.faults.closeSocket('all');
    const open = await receiver.got(({ event, state }) => event === 'gap' && state === 'open');
    const closed = await receiver.got(({ event, state }) => event === 'gap' && state === 'closed');
    expect(closed).toMatchObject({ gapId: open['gapId'], topics: 1, from: open['from'], to: expect.any(String) });
  });

  it('describes the bodies in the OpenAPI document', async () => {
    await start();
    const document = await gateway.call('get', '/docs/openapi.json', 'nobody').expect(200);
    const { schemas } = (document.body as { components: { schemas: Record<string, unknown> } }).components;
    for (const name of ['Accepted', 'Acw', 'Delivered', 'Dead', 'Expired', 'Closing', 'Gap'])
      expect(schemas[`Event${name}`]).toMatchObject({ type: 'object', properties: { version: { enum: [1] } } });
  });

  it('stay untold when the Notification API is off', async () => {
    await start({ PUSH_ENABLED: 'none' });
    await gateway.call('post', '/genesys/1/notification/subscription', 'publish').send({}).expect(404);
    const conversationId = randomUUID();
    await handIn(conversationId);
    await listened(conversationId);
    simulator.genesys.conversations.finishWork(conversationId, { wrapupCode: 'sold' });
    await simulator.history.waitFor(() => simulator.history.records.size === 1);
  });
});
