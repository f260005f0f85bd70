import { randomUUID } from 'node:crypto';
import { CRASH_LIMIT, type Held, LAST_CHANCE_AFTER_MS } from './attempt.js';
import type { Claim, Due } from './claim.js';
import type { DeliveryRepository } from './delivery.repository.js';
import type { Lanes } from './lanes.js';
import type { Sink } from './sink.js';

/** Destinations that are looked at in one statement: some 2 ms under SQLite when something waits for each of them. */
const SLICE = 256;

/** Claims for one sink: the oldest, where it has one receiver, and to each destination its share where it has many. */
export class Claimer {
  private startedAt = 0;
  /** The destination after which a round begins: the last that got its share when there was not enough for all. */
  private cursor = '';

  /** @param leaseMs of what is claimed */
  constructor(
    private readonly sink: Sink,
    private readonly deliveries: DeliveryRepository,
    private readonly replica: string,
    readonly leaseMs: number,
  ) {}

  start(): void {
    this.startedAt = performance.now();
  }

  newClaim(limit: number): Claim {
    return { sink: this.sink.name, limit, token: randomUUID(), replica: this.replica, leaseMs: this.leaseMs };
  }

  /** Up to `limit`, a suspect first and then the oldest. */
  async oldest(limit: number): Promise<Held[]> {
    const suspects = await this.suspects(limit);
    const left = limit - suspects.length;
    const others = left > 0 ? await this.held((claim) => this.deliveries.claimDue(claim), left) : [];
    return [...suspects, ...others];
  }

  /**
   * What `lanes` have room for, some destinations at a time, until all with something due have been asked or nothing more
   * can be held.
   */
  async *shares(lanes: Lanes): AsyncGenerator<Held[]> {
    if (lanes.free > 0) yield await this.suspects(1);
    let cursor = '';
    for await (const { due, crowded } of this.dueDestinations()) {
      const { shares, complete } = lanes.sharesOf(due);
      if (!complete && cursor === '') cursor = shares.at(-1)?.destination ?? this.cursor;
      if (shares.length > 0)
        yield await this.held((claim) => this.deliveries.claimShares(claim, shares, crowded), lanes.free);
      if (lanes.free === 0) break;
    }
    this.cursor = cursor;
  }

  private async *dueDestinations(): AsyncGenerator<Due> {
    const reachable = this.sink.reachable?.();
    if (reachable === undefined) yield* this.allRound();
    else yield* this.among(reachable);
  }

  /** Once round. */
  private async *allRound(): AsyncGenerator<Due> {
    yield* this.after(this.cursor);
    if (this.cursor !== '') yield* this.after('');
  }

  private async *after(destination: string): AsyncGenerator<Due> {
    for (let next: string | undefined = destination; next !== undefined;) {
      const { last, ...found }: Awaited<ReturnType<DeliveryRepository['dueDestinations']>> =
        await this.deliveries.dueDestinations(this.sink.name, next, SLICE);
      next = last;
      if (found.due.length > 0) yield found;
    }
  }

  private async *among(reachable: readonly string[]): AsyncGenerator<Due> {
    const first = Math.floor(Math.random() * reachable.length);
    const round = [...reachable.slice(first), ...reachable.slice(0, first)];
    for (let from = 0; from < round.length; from += SLICE) {
      const found = await this.deliveries.dueAmong(this.sink.name, round.slice(from, from + SLICE));
      if (found.due.length > 0) yield found;
    }
  }

  private suspects(limit: number): Promise<Held[]> {
    const spare = performance.now() - this.startedAt < LAST_CHANCE_AFTER_MS ? CRASH_LIMIT - 1 : undefined;
    const destinations = this.sink.reachable?.();
    if (limit <= 0 || destinations?.length === 0) return Promise.resolve([]);
    return this.held((claim) => this.deliveries.claimSuspect({ ...claim, destinations }, spare), limit);
  }

  private async held(
    claim: (claim: Claim) => ReturnType<DeliveryRepository['claimDue']>,
    limit: number,
  ): Promise<Held[]> {
    // Before the question, so that we count the lease as over before the database does.
    const claimedAt = performance.now();
    const claimed = await claim(this.newClaim(limit));
    return claimed.map((delivery) => ({ delivery, claimedAt, leaseMs: this.leaseMs }));
  }
}
