import type { Channel } from './channel.js';
import { systemNotice } from './channel.js';
import type { ChannelRegistry } from './channel-registry.js';
import { NotThere } from '../common/misuse.js';
import type { SimulatedClock } from '../common/clock.js';
import { type LookupFault, LookupFaults } from './lookup-faults.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import { RequestFaults } from './request-faults.js';
import type { Tokens } from './tokens.js';

interface Parts {
  clock: SimulatedClock;
  channels: ChannelRegistry;
  tokens: Tokens;
  options: () => GenesysOptions;
}

/** A channel's id, or `all`. */
export type Target = string;

/** Trouble to order. Those with a count wear off by themselves; `clear` ends the others. */
export class Faults extends RequestFaults {
  #refusedUpgrades: { left: number; refusal: Refusal } = { left: 0, refusal: Refusal.withStatus(503) };
  #ignoredSubscribes = 0;
  #replyDelayMs = 0;
  readonly #closings = new Set<() => void>();
  /** Asked by the look-ups' routes. */
  readonly lookups = new LookupFaults();

  constructor(private readonly parts: Parts) {
    super();
  }

  get replyDelayMs(): number {
    return this.#replyDelayMs;
  }

  /** Ends sockets: abruptly, or with the closing handshake when a code is given. */
  closeSocket(target: Target, { code }: { code?: number } = {}): void {
    for (const { socket } of this.#targets(target)) {
      if (code === undefined) socket?.terminate();
      else socket?.close(code);
    }
  }

  /** The present sockets send nothing any more (heartbeats and pongs neither) and swallow what comes; TCP stays. */
  silence(target: Target): void {
    for (const { socket } of this.#targets(target)) socket?.silence();
  }

  /** Announces maintenance and closes those sockets that are still there `closingGraceMs` later (docs/wire-facts.md §3.2d). The channel stays. */
  socketClosing(target: Target): void {
    const { closingGraceMs } = this.parts.options();
    for (const { id, socket } of this.#targets(target)) {
      const message = `The server is closing this connection in ${closingGraceMs / 1000} seconds.`;
      socket?.send(systemNotice('v2.system.socket_closing', id, message));
      const cancel = this.parts.clock.after(closingGraceMs, () => {
        this.#closings.delete(cancel);
        socket?.close(1001, 'Maintenance');
      });
      this.#closings.add(cancel);
    }
  }

  /** Removes channels as the quota would. */
  evict(target: Target, options: { notice?: boolean } = {}): void {
    for (const channel of this.#targets(target)) this.parts.channels.evict(channel, 'fault', options);
  }

  /** Tells the client, removes the channel and leaves the socket open: it will never say anything again but 404. */
  noLongerSubscribed(target: Target): void {
    for (const channel of this.#targets(target)) {
      this.parts.channels.evict(channel, 'no-longer-subscribed', { notice: true, keepSocket: true });
    }
  }

  /** All present tokens end: 401 by REST, 404 by socket. `notice` also sends `v2.system.token_revoked`. */
  revokeTokens({ notice = false }: { notice?: boolean } = {}): number {
    const revoked = this.parts.tokens.revokeAll();
    if (notice) {
      for (const { id, socket } of this.parts.channels.list()) {
        socket?.send(systemNotice(`v2.system.token_revoked.${id}`, id, 'The token was revoked.'));
      }
    }
    return revoked;
  }

  /** Refuses the next upgrades with an HTTP status. */
  refuseUpgrade({
    count = 1,
    status = 503,
    retryAfterS,
  }: { count?: number; status?: number; retryAfterS?: number } = {}): void {
    this.#refusedUpgrades = { left: count, refusal: Refusal.withStatus(status, retryAfterS) };
  }

  /** The next subscribe and unsubscribe requests on sockets are neither done nor answered. */
  ignoreSubscribe({ count = 1 }: { count?: number } = {}): void {
    this.#ignoredSubscribes = count;
  }

  /** Answers on sockets (pongs too) come so much later; 0 ends it. */
  slowReplies(ms: number): void {
    this.#replyDelayMs = ms;
  }

  sendRaw(target: Target, data: string | Buffer): void {
    for (const { socket } of this.#targets(target)) socket?.sendRaw(data);
  }

  /** The subscription vanishes from every channel, silently. */
  dropTopic(topic: string): void {
    for (const channel of this.parts.channels.list()) this.parts.channels.dropTopics(channel, [topic]);
  }

  /** Whatever asks for this conversation fails, until `clear`. */
  spoilLookups(fault: LookupFault): void {
    this.lookups.spoilLookups(fault);
  }

  /** Ends all orders that have not come true yet. Silent sockets stay silent, what is gone stays gone. */
  clear(): void {
    this.clearRequestFaults();
    this.lookups.clear();
    this.#refusedUpgrades.left = 0;
    this.#ignoredSubscribes = 0;
    this.#replyDelayMs = 0;
    for (const cancel of this.#closings) cancel();
    this.#closings.clear();
  }

  takeRefusedUpgrade(): Refusal | undefined {
    if (this.#refusedUpgrades.left <= 0) return undefined;
    this.#refusedUpgrades.left -= 1;
    return this.#refusedUpgrades.refusal;
  }

  takeIgnoredSubscribe(): boolean {
    if (this.#ignoredSubscribes <= 0) return false;
    this.#ignoredSubscribes -= 1;
    return true;
  }

  #targets(target: Target): Channel[] {
    if (target === 'all') return this.parts.channels.list();
    const channel = this.parts.channels.find(target);
    if (!channel) throw new NotThere(`There is no channel ${target}; there are ${this.parts.channels.list().length}.`);
    return [channel];
  }
}
