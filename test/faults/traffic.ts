import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.js';
import type { Audit, Item } from './audit.js';
import type { Callers } from './callers.js';
import type { GatewayUnit } from './gateway-unit.js';
import { Random } from './random.js';

/**
 * How a conversation goes. `lost`: the event is never sent; `early`: the work is over before the hand-in; `twice`: BOFE
 * hands in twice at once; `transfer`: two agents, two interactions; `repeated`, `reversed`, `timed-out`: of the events.
 */
export type Story = 'plain' | 'lost' | 'early' | 'twice' | 'transfer' | 'repeated' | 'reversed' | 'timed-out';
export const STORIES: readonly Story[] = [
  ...['plain', 'plain', 'plain', 'lost', 'early', 'twice', 'transfer', 'repeated', 'reversed', 'timed-out'],
] as Story[];

export interface TrafficOptions {
  stories?: readonly Story[];
  /** The agent finishes so long after the hand-in was taken, ms. */
  workMs?: readonly [from: number, to: number];
  random?: Random;
}

/** Pauses of a caller that is not answered: 50, 100, 200 … 1,000 ms. Thousands of them must not drown who serves the wires here. */
const RETRY_MS = { first: 50, most: 1_000 };
const HAND_IN_TIMEOUT_MS = 3_000;

/** The contact centre: interactions are handed in, and agents finish whether anybody listens or not. */
export class Traffic {
  /** Answers that BOFE may never get. */
  readonly refusals: string[] = [];
  private readonly random: Random;
  private readonly stories: readonly Story[];
  private readonly workMs: readonly [number, number];
  private readonly open = new Set<Promise<void>>();
  private readonly ending = new AbortController();

  constructor(
    private readonly simulator: Simulator,
    private readonly units: readonly GatewayUnit[],
    private readonly callers: Callers,
    private readonly audit: Audit,
    options: TrafficOptions = {},
  ) {
    this.random = options.random ?? new Random(1);
    this.stories = options.stories ?? ['plain'];
    this.workMs = options.workMs ?? [20, 400];
  }

  /** Begins `count` conversations, `perSecond`, evenly. Resolves when all have begun. */
  async flow(count: number, perSecond: number): Promise<void> {
    const since = performance.now();
    for (let begun = 0; begun < count && !this.ending.signal.aborted; begun++) {
      const aheadMs = since + (begun * 1_000) / perSecond - performance.now();
      if (aheadMs > 2) await sleep(aheadMs);
      this.begin(this.random.pick(this.stories));
    }
  }

  /** Begins one conversation. */
  begin(story: Story = 'plain'): void {
    const { userA, userB, workMs, at } = this.draw();
    const done = this.play(story, userA, userB, workMs, at).finally(() => this.open.delete(done));
    this.open.add(done);
  }

  /** Hands in one interaction until it is taken; the agent does not finish. */
  async handIn(item: Item, body: object = {}): Promise<void> {
    const request = { conversationId: item.conversationId, customerId: 'C-1001', subject: item.story, ...body };
    for (let tries = 0; !this.ending.signal.aborted; tries++) {
      // Callers reach any replica; after a failure another one.
      const unit = this.units[(Math.floor(Math.random() * this.units.length) + tries) % this.units.length];
      const reply =
        unit &&
        (await this.callers.call(unit, 'POST', '/customers/supportInteraction', {
          body: request,
          timeoutMs: HAND_IN_TIMEOUT_MS,
        }));
      if (reply && (reply.status === 202 || reply.status === 200)) {
        item.id ??= String(reply.body['id']);
        if (item.id !== reply.body['id']) this.refusals.push(`another id for ${item.conversationId}`);
        item.acceptedAt ??= performance.now();
        this.audit.accept(item.id, item);
        return;
      }
      if (reply && reply.status !== 503 && reply.status !== 429) {
        this.refusals.push(`${reply.status} ${reply.text.slice(0, 300)}`);
        return;
      }
      await sleep(Math.min(RETRY_MS.first * 2 ** tries, RETRY_MS.most), undefined, {
        signal: this.ending.signal,
      }).catch(() => undefined);
    }
  }

  /** The agent of these finishes now. */
  finish(...items: Item[]): void {
    for (const item of items) {
      this.audit.finish(item);
      this.simulator.genesys.conversations.finishWork(item.conversationId, {
        ...(item.code !== undefined && { wrapupCode: item.code }),
      });
    }
  }

  /** Hands in `count` at once, `width` at a time; nobody finishes. */
  async pend(count: number, width = 32): Promise<Item[]> {
    const items = Array.from({ length: count }, () => newItem('plain'));
    const queue = [...items];
    await Promise.all(
      Array.from({ length: width }, async () => {
        for (let item = queue.pop(); item; item = queue.pop()) await this.handIn(item);
      }),
    );
    return items;
  }

  /** Resolves when all that was begun has been taken and finished. */
  async done(): Promise<void> {
    while (this.open.size > 0) await Promise.all(this.open);
  }

  /** As `done`, but gives up after a while; what is not taken then counts as never begun. */
  async doneWithin(ms: number): Promise<void> {
    const timer = setTimeout(() => this.ending.abort(), ms);
    await this.done();
    clearTimeout(timer);
  }

  /** Gives up what is not taken yet. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.done();
  }

  private draw(): { userA: string; userB: string; workMs: number; at: number } {
    return {
      userA: randomUUID(),
      userB: randomUUID(),
      workMs: this.random.between(...this.workMs),
      at: this.random.next(),
    };
  }

  private async play(story: Story, userA: string, userB: string, workMs: number, at: number): Promise<void> {
    const { conversations } = this.simulator.genesys;
    const item = newItem(story);
    const { conversationId: id } = item;
    const ended = (): void => this.audit.finish(item);
    const how = { ...(item.code !== undefined && { wrapupCode: item.code }) };
    const taken = async (body?: object): Promise<void> => {
      await this.handIn(item, body);
      await sleep(workMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
    };
    switch (story) {
      case 'early':
        ended();
        conversations.finishWork(id, how);
        return taken();
      case 'lost':
        await taken();
        conversations.finishWork(id, { ...how, suppressEvent: true });
        return ended();
      case 'twice':
        await Promise.all([taken(), this.handIn(item)]);
        conversations.finishWork(id, how);
        return ended();
      case 'repeated':
        await taken();
        conversations.finishWork(id, { ...how, duplicate: 1 + Math.floor(at * 3) });
        return ended();
      case 'reversed':
        await taken();
        conversations.finishWork(id, { ...how, reverseOrder: true });
        return ended();
      case 'timed-out':
        item.code = 'ININ-WRAP-UP-TIMEOUT';
        await taken();
        conversations.timeOutWork(id);
        return ended();
      case 'transfer': {
        const second = newItem(story, id);
        conversations.start({ id, agents: [{ userId: userA }] });
        await Promise.all([taken({ agentId: userA }), this.handIn(second, { agentId: userB })]);
        conversations.transfer(id, { userId: userA, to: { userId: userB } });
        conversations.finishWork(id, { userId: userB, wrapupCode: second.code ?? '' });
        this.audit.finish(second);
        conversations.finishWork(id, { userId: userA, ...how });
        return ended();
      }
      case 'plain':
        await taken();
        return this.finish(item);
      default:
        story satisfies never;
    }
  }
}

export function newItem(story: string, conversationId: string = randomUUID()): Item {
  return { story, conversationId, code: `code-${randomUUID().slice(0, 8)}` };
}
