import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type ReceivedRecord, type Simulator, startSimulator } from '../../simulator/index.js';
import type { GenesysOptionsInput } from '../../simulator/genesys/options.js';
import type { StorageTarget } from '../../src/config/config.js';
import type { Environment } from '../../src/config/environment.js';
import { freshTarget } from './databases.js';
import { gatewayEnvironment, KEYS } from './environment.js';
import { type GatewayProcess, spawnGateway } from './gateway-process.js';

export interface Reply {
  status: number;
  body: Record<string, unknown>;
}

/** Short waits between attempts; everything else as it is by default. */
const QUICK: Environment = { RETRY_BASE_MS: '20', RETRY_CAP_MS: '200' };

/** A gateway's process must have ended by then whatever it hangs on; longer is a failure. */
const CALL_TIMEOUT_MS = 15_000;

/** Genesys Cloud and the history in this process, a database, and gateways that are processes of their own. */
export class ProcessScene {
  readonly gateways: GatewayProcess[] = [];

  private constructor(
    readonly simulator: Simulator,
    readonly target: StorageTarget,
    private readonly environment: Environment,
    private readonly remove: () => Promise<void>,
  ) {}

  /** @param environment for every gateway of this scene */
  static async open(
    kind: StorageTarget['kind'],
    environment: Environment = {},
    genesys: Partial<GenesysOptionsInput> = {},
  ): Promise<ProcessScene> {
    const { target, remove } = await freshTarget(kind);
    return new ProcessScene(await startSimulator({ genesys }), target, { ...QUICK, ...environment }, remove);
  }

  /** Starts a gateway and resolves when it listens. */
  async start(environment: Environment = {}): Promise<GatewayProcess> {
    const all = gatewayEnvironment(this.simulator, this.target, { ...this.environment, ...environment });
    const gateway = await spawnGateway(all);
    this.gateways.push(gateway);
    return gateway;
  }

  /** Kills what still runs and removes everything. A gateway that nobody ended must still be there. */
  async close(): Promise<void> {
    const crash = this.gateways.flatMap((gateway) =>
      gateway.logs.filter((line) => line.msg.startsWith('nobody caught')),
    );
    await Promise.all(this.gateways.map((gateway) => gateway.end('SIGKILL')));
    await this.simulator.stop();
    await this.remove();
    expect(crash).toEqual([]);
  }

  /** Hands in an interaction of a conversation that nobody knows yet; expects the 202. */
  async accept(gateway: GatewayProcess, conversationId: string = randomUUID()): Promise<Accepted> {
    const reply = await handIn(gateway, conversationId);
    expect(reply).toMatchObject({ status: 202, body: { status: 'accepted' } });
    return { id: String(reply.body['id']), conversationId };
  }

  /** Resolves when events of these conversations would reach a socket. */
  async subscribed(...accepted: readonly Accepted[]): Promise<void> {
    const { genesys } = this.simulator;
    await genesys.waitFor(() => {
      const connected = genesys.channels().filter((channel) => channel.connected);
      const topics = new Set(connected.flatMap((channel) => channel.topics));
      return accepted.every(({ conversationId }) => topics.has(topicOf(conversationId)));
    }, 20_000);
  }

  /** Resolves when the history keeps so many records, their outcomes are stored, and nothing is subscribed any more. */
  async delivered(gateway: GatewayProcess, count: number, timeoutMs = 20_000): Promise<void> {
    const { history, genesys } = this.simulator;
    await history.waitFor(() => history.records.size >= count, timeoutMs);
    await eventually(async () => (await ledgerOf(gateway))['delivered'] === count, timeoutMs);
    await genesys.waitFor(() => genesys.topics().length === 0, timeoutMs);
  }

  /** Resolves when the history has been sent each of these. */
  async sent(some: readonly Accepted[], timeoutMs = 10_000): Promise<void> {
    await this.simulator.history.waitFor(() => some.every((each) => this.attemptsOf(each).length > 0), timeoutMs);
  }

  /** The promise of the whole: each of these has one record, under one key, with one body, and the ledger agrees. */
  async expectOnce(gateway: GatewayProcess, accepted: readonly Accepted[]): Promise<void> {
    const { history } = this.simulator;
    expect(history.conflicts).toEqual([]);
    const owners = [...history.records.values()].map((body) => (body as { interactionId: string }).interactionId);
    expect(owners.sort()).toEqual(accepted.map(({ id }) => id).sort());
    for (const attempts of Map.groupBy(history.received, ({ key }) => key).values()) {
      expect(new Set(attempts.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    }
    expect(await ledgerOf(gateway)).toMatchObject({ delivered: accepted.length, total: accepted.length });
  }

  /** What the history was sent for this interaction, oldest first. */
  attemptsOf({ id }: Accepted): ReceivedRecord[] {
    return this.simulator.history.received.filter(
      ({ body }) => (body as { interactionId?: string }).interactionId === id,
    );
  }

  /** How often a channel was made. */
  get channelsMade(): number {
    const { requests } = this.simulator.genesys;
    return requests.filter(({ method, path }) => method === 'POST' && path === '/api/v2/notifications/channels').length;
  }
}

export interface Accepted {
  id: string;
  conversationId: string;
}

export function topicOf(conversationId: string): string {
  return `v2.detail.events.conversation.${conversationId}.acw`;
}

/** A request as the caller with that key. Rejects when nobody answers. */
export async function call(
  gateway: GatewayProcess,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  { as = 'intake', body }: { as?: keyof typeof KEYS; body?: object } = {},
): Promise<Reply> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${KEYS[as]}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  return { status: response.status, body: (await response.json()) as Reply['body'] };
}

export async function ledgerOf(gateway: GatewayProcess): Promise<Reply['body']> {
  return (await call(gateway, 'GET', '/ops/ledger', { as: 'admin' })).body;
}

/** Asks again and again, for what announces itself nowhere. */
export async function eventually(holds: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not so within ${timeoutMs} ms: ${String(holds).slice(0, 200)}`);
    await setTimeout(20);
  }
}

/** As BOFE does it. */
export function handIn(gateway: GatewayProcess, conversationId: string): Promise<Reply> {
  const body = { conversationId, customerId: 'C-1001', subject: 'Invoice 77' };
  return call(gateway, 'POST', '/customers/supportInteraction', { body });
}

export async function interaction(gateway: GatewayProcess, { id }: Accepted): Promise<Reply['body']> {
  return (await call(gateway, 'GET', `/customers/supportInteraction/${id}`)).body;
}

export function bodyOf(attempt: ReceivedRecord | undefined): Record<string, unknown> {
  return attempt?.body as Record<string, unknown>;
}
