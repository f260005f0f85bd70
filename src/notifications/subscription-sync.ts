import { setTimeout as delay } from 'node:timers/promises';
import { backoffDelay } from '../common/backoff.js';
import { asError } from '../common/errors.js';
import type { CallOptions } from '../genesys/genesys.client.js';
import { ChannelGoneError, GenesysRequestError, TooManyTopicsError } from '../genesys/genesys.errors.js';
import type { Log } from '../telemetry/logs.js';
import type { ChannelTools } from './channel-tools.js';
import type { ChannelSocket } from './channel-socket.js';
import { askOverSocket } from './subscription-request.js';
import type { Subscriptions } from './subscriptions.js';

/** Topics in one request. A full channel of 1,000 takes two, so a hand-over is two round trips. */
const BATCH_SIZE = 500;
/** Waits between failed requests: ≤ 0.5, 1, 2, 4 … 30 s. */
const RETRY = { baseMs: 500, capMs: 30_000 };

/** What the synchronisation found out; each is told once. */
export interface SyncReport {
  /** Verified or taken as verified: what is held is covered from now on. */
  ready(): void;
  confirmed(topics: string[]): void;
  rejected(topic: string, reason: string): void;
  /** Genesys says that the channel has no room for these. */
  full(topics: string[]): void;
  /** Genesys' list was compared with ours: we believed to hold `missing`, Genesys did not. They are asked for again. */
  verified(missing: string[]): void;
  gone(reason: string): void;
}

/** The parts of a channel's connection that the synchronisation works with. */
export interface SyncTarget {
  channelId: string;
  socket: ChannelSocket;
  subscriptions: Subscriptions;
  /** Throws when the channel may be used by another replica, so that nothing may be said any more. */
  assertHeld(): void;
  /** False when another replica has taken the channel over. @throws StorageUnavailableError when it cannot be told. */
  isOurs(): Promise<boolean>;
}

/**
 * Brings what Genesys holds for one channel to what we want there, for as long as one connection lives. One request at a
 * time: a list that is read or replaced while another request is under way would undo it.
 * Over the socket first; REST when it does not answer or refuses, since REST says which topic is to blame.
 */
export class SubscriptionSync {
  private wake: () => void = () => undefined;
  private verifyDue: boolean;
  private failures = 0;

  constructor(
    private readonly target: SyncTarget,
    private readonly tools: Pick<ChannelTools, 'client' | 'limits' | 'replies'>,
    private readonly report: SyncReport,
    private readonly log: Log,
    options: { verifyFirst: boolean },
  ) {
    this.verifyDue = options.verifyFirst;
  }

  /** Something is wanted or dropped: look again. */
  changed(): void {
    this.wake();
  }

  /** Compares with the list that Genesys has, as soon as no request is under way. */
  verifySoon(): void {
    this.verifyDue = true;
    this.wake();
  }

  /** Runs until `signal` aborts or the channel is found gone. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.wake(), { once: true });
    if (this.verifyDue) await this.step(signal, () => this.verify(signal));
    if (signal.aborted) return;
    this.report.ready();
    while (!signal.aborted) {
      const { subscriptions } = this.target;
      if (this.verifyDue) await this.verifyAgain(signal);
      else if (subscriptions.settled) await this.nextChange();
      else await this.step(signal, () => this.addAndRemove(signal));
    }
  }

  /** What was to be asked for and is in the list is held: no answer to a request will tell of it. */
  private async verifyAgain(signal: AbortSignal): Promise<void> {
    await this.step(signal, () => this.verify(signal));
    if (!signal.aborted) this.report.ready();
  }

  private async step(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ChannelGoneError) return this.report.gone('Genesys answered 404');
      const waitMs = backoffDelay(RETRY, this.failures++);
      this.log.warn(
        { err: asError(error), failures: this.failures, waitMs },
        'subscription request failed, trying again',
      );
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async addAndRemove(signal: AbortSignal): Promise<void> {
    const adds = this.target.subscriptions.nextAdds(BATCH_SIZE);
    if (adds.length > 0) await this.add(adds, signal);
    const removes = this.target.subscriptions.nextRemoves(BATCH_SIZE);
    if (removes.length > 0 && !signal.aborted) await this.remove(removes, signal);
  }

  private async add(topics: string[], signal: AbortSignal): Promise<void> {
    const result = await this.ask('subscribe', topics);
    if (signal.aborted) return;
    if (result === '200') this.confirm(topics);
    else await this.addByRest(topics, signal);
  }

  private async addByRest(topics: string[], signal: AbortSignal): Promise<void> {
    const { subscriptions, channelId } = this.target;
    try {
      const states = await this.tools.client.subscribe(channelId, topics, this.options(signal));
      this.confirm(states.filter((topic) => topic.state === 'Permitted').map((topic) => topic.id));
      for (const topic of states.filter((each) => each.state === 'Rejected')) {
        this.reject(topic.id, topic.rejectionReason ?? 'Genesys gave no reason');
      }
      const unknown = states.filter((topic) => topic.state === 'Unknown').length;
      if (unknown > 0) throw new Error(`Genesys did not answer for ${unknown} of ${topics.length} topics`);
    } catch (error) {
      if (error instanceof TooManyTopicsError) {
        for (const topic of topics) subscriptions.drop(topic);
        return this.report.full(topics);
      }
      if (!(error instanceof GenesysRequestError) || (error.status !== 400 && error.status !== 403)) throw error;
      await this.blame(topics, error.message, signal);
    }
  }

  /** A batch was refused as a whole: halve it until the topic to blame stands alone. */
  private async blame(topics: string[], reason: string, signal: AbortSignal): Promise<void> {
    if (topics.length === 1) return this.reject(topics[0] as string, reason);
    const middle = Math.ceil(topics.length / 2);
    await this.addByRest(topics.slice(0, middle), signal);
    await this.addByRest(topics.slice(middle), signal);
  }

  private async remove(topics: string[], signal: AbortSignal): Promise<void> {
    const { subscriptions, channelId } = this.target;
    const result = await this.ask('unsubscribe', topics);
    if (signal.aborted) return;
    if (result !== '200') {
      // What is replaced as a whole may hold what another replica has subscribed since.
      if (!(await this.target.isOurs())) return this.report.gone('taken over by another replica');
      const removed = new Set(topics);
      const kept = [...subscriptions.heldTopics].filter((topic) => !removed.has(topic));
      // There is no REST call that removes one topic: the whole list is replaced (docs/wire-facts.md §2).
      if (kept.length > 0) await this.tools.client.replaceSubscriptions(channelId, kept, this.options(signal));
      else await this.tools.client.clearSubscriptions(channelId, this.options(signal));
    }
    subscriptions.confirmRemoved(topics);
  }

  private async verify(signal: AbortSignal): Promise<void> {
    this.verifyDue = false;
    const listed = await this.tools.client.subscriptions(this.target.channelId, this.options(signal));
    // The connection may have ended meanwhile: then this list is the next one's to ask for.
    if (signal.aborted) return;
    this.report.verified(this.target.subscriptions.reconcile(new Set(listed)));
  }

  private async ask(message: 'subscribe' | 'unsubscribe', topics: string[]): Promise<string | undefined> {
    const { limits, replies } = this.tools;
    this.target.assertHeld();
    const result = await askOverSocket(this.target.socket, message, topics, limits.replyTimeoutMs);
    if (result === '404') throw new ChannelGoneError('The channel answered 404 to a subscribe request.');
    const facts = { message, result, topics: topics.length };
    if (result === '200') replies.recovered();
    // Refused, not unanswered: REST says which topic is to blame.
    else if (result === '400' || result === '403') this.log.debug(facts, 'refused over the socket, asking by REST');
    else replies.failed('not confirmed over the socket, asking by REST', facts);
    return result;
  }

  private options(signal: AbortSignal): CallOptions {
    return { signal, check: () => this.target.assertHeld() };
  }

  private confirm(topics: string[]): void {
    this.target.subscriptions.confirm(topics);
    if (topics.length > 0) this.report.confirmed(topics);
  }

  private reject(topic: string, reason: string): void {
    this.target.subscriptions.drop(topic);
    this.report.rejected(topic, reason);
  }

  private async nextChange(): Promise<void> {
    await new Promise<void>((resolve) => {
      // The rest of the current tick may add more: what arrives together travels together.
      this.wake = () => setImmediate(resolve);
    });
    this.wake = () => undefined;
  }
}
