import type { Answer, Outgoing, Publication, Reply } from './bayeux.js';
import type { CometLimits } from './comet-limits.js';

/** The connection that a session's client speaks through at the moment. */
export interface CometLink {
  /** Sends without being asked; a long poll cannot. */
  push?(messages: readonly Outgoing[], written: (whole: boolean) => void): void;
  /** Ends the connection once what was sent is out. A long poll ends with its answer. */
  close(reason: string): void;
}

/** Who opened a session, and whether the key came with the handshake because the connection could carry no header. */
export interface SessionOwner {
  name: string;
  byHandshake: boolean;
  /** Whether the key may hear the gateway's own events. */
  hearsOwnEvents: boolean;
}

export type CloseReason = 'client' | 'expired' | 'shutdown' | 'queue-full' | 'too-many' | 'replaced';

/** One message that waits for one session. */
export interface Entry {
  message: Publication;
  bytes: number;
  /** Called once: whether the session's client has been given the message. */
  settle(given: boolean): void;
}

interface Waiting extends Entry {
  /** With acknowledgements: the last batch that it was sent in. */
  batch?: number;
  /** Without: it is on its way to the network. */
  writing: boolean;
}

type State = 'waiting' | 'held' | 'closed';

const RECONNECT = {
  client: 'none',
  expired: 'handshake',
  shutdown: 'handshake',
  'queue-full': 'handshake',
  // A new handshake would close another session of the same user, and so on for ever.
  'too-many': 'none',
  replaced: 'none',
} as const satisfies Record<CloseReason, 'none' | 'handshake'>;

/** Told by a session of itself. */
export interface SessionEvents {
  /** `reachable` has changed. */
  reachability(session: CometSession): void;
  closed(session: CometSession, reason: CloseReason): void;
}

/**
 * One client: what waits for it and how it is connected. `waiting` (no `/meta/connect` is here; forgotten after
 * `maxIntervalMs`) ⇄ `held` (one is, until something is to be said or `timeoutMs` is over) → `closed`.
 */
export class CometSession {
  private state: State = 'waiting';
  /** Ends the present state; each state has its own. */
  private timer: NodeJS.Timeout | undefined;
  private held: { reply: Reply; resolve: (answer: Answer) => void } | undefined;
  private link: CometLink | undefined;
  private queue: Waiting[] = [];
  private queuedBytes = 0;
  private batch = 0;
  private subscribed = false;
  /** No connection is known: never connected, or seen to break. Between two long polls a client is not away. */
  private away = true;
  private reached = false;

  constructor(
    readonly id: string,
    readonly user: string,
    readonly owner: SessionOwner,
    /** Whether the client acknowledges (Bayeux extension `ack`); messages then travel with `/meta/connect` only. */
    readonly acknowledges: boolean,
    private readonly limits: CometLimits,
    private readonly events: SessionEvents,
  ) {
    this.enter('waiting');
  }

  /** Whether a message offered now would go out: subscribed, and not known to be away. */
  get reachable(): boolean {
    return this.reached;
  }

  get isAway(): boolean {
    return this.away;
  }

  /** Whether a `/meta/connect` is held. */
  get isHeld(): boolean {
    return this.state === 'held';
  }

  /** The connection that the handshake came on. The client still counts as away; it is closed with the session. */
  attach(link: CometLink): void {
    if (this.state !== 'closed') this.link = link;
  }

  subscribe(on: boolean): void {
    if (this.state === 'closed') return;
    this.subscribed = on;
    this.noteReachability();
  }

  /**
   * A `/meta/connect`. Answered at once when messages wait or `holdMs` is 0, otherwise when one comes or the time is over.
   * @param ack the batch that the client has received last
   */
  connect(reply: Reply, via: CometLink, ack: number | undefined, holdMs: number): Promise<Answer> {
    this.release({ successful: false, error: '408::another /meta/connect has come' });
    if (this.link !== via) this.link?.close('another connection has taken over');
    this.link = via;
    this.away = false;
    if (ack !== undefined) this.acknowledge(ack);
    this.noteReachability();
    if (holdMs === 0 || this.deliverable().length > 0) {
      this.enter('waiting');
      return Promise.resolve(this.answer(reply, this.deliverable()));
    }
    return new Promise((resolve) => {
      this.held = { reply, resolve };
      this.enter('held', holdMs);
    });
  }

  /** Puts a message in the queue, and out if possible. A client that does not take its messages loses its session. */
  offer(entry: Entry): void {
    if (this.state === 'closed') {
      entry.settle(false);
      return;
    }
    if (this.queue.length >= this.limits.queue || this.queuedBytes + entry.bytes > this.limits.queueBytes) {
      entry.settle(false);
      this.close('queue-full');
      return;
    }
    const waiting: Waiting = Object.assign(entry, { writing: false });
    this.queue.push(waiting);
    this.queuedBytes += entry.bytes;
    if (!this.acknowledges && !this.away && this.link?.push) this.push(this.link, waiting);
    else this.releaseHeld();
  }

  /** Takes a message back that nobody waits for any more. It may have reached the client. */
  withdraw(entry: Entry): void {
    this.remove((each) => each === entry);
  }

  /** The connection broke. The client has `maxIntervalMs` to come back on another one. */
  lost(link: CometLink): void {
    if (this.state === 'closed' || this.link !== link) return;
    this.link = undefined;
    this.away = true;
    this.release({});
    this.noteReachability();
  }

  close(reason: CloseReason): void {
    if (this.state === 'closed') return;
    const error = `402::the session was closed: ${reason}`;
    this.release({ successful: false, error, advice: { reconnect: RECONNECT[reason] } });
    this.enter('closed');
    this.away = true;
    this.noteReachability();
    const left = this.queue;
    this.queue = [];
    for (const entry of left) entry.settle(false);
    this.link?.close(reason);
    this.link = undefined;
    this.events.closed(this, reason);
  }

  private enter(next: State, holdMs = 0): void {
    clearTimeout(this.timer);
    this.state = next;
    if (next === 'waiting') {
      this.timer = setTimeout(() => {
        this.close('expired');
      }, this.limits.maxIntervalMs);
    } else if (next === 'held') {
      this.timer = setTimeout(() => {
        this.releaseHeld(true);
      }, holdMs);
    }
  }

  private releaseHeld(evenEmpty = false): void {
    const entries = this.deliverable();
    if (evenEmpty || entries.length > 0) this.release({}, entries);
  }

  /** Answers the `/meta/connect` that is held, if one is. */
  private release(change: Partial<Reply>, entries: readonly Waiting[] = []): void {
    const held = this.held;
    if (!held) return;
    this.held = undefined;
    this.enter('waiting');
    held.resolve(this.answer({ ...held.reply, ...change }, entries));
  }

  /** What a `/meta/connect` brings: everything that is not acknowledged, or everything that is not on its way. */
  private deliverable(): Waiting[] {
    return this.acknowledges ? this.queue : this.queue.filter(({ writing }) => !writing);
  }

  private answer(reply: Reply, entries: readonly Waiting[]): Answer {
    const messages: Outgoing[] = entries.map(({ message }) => message);
    if (this.acknowledges) {
      if (!reply.successful) return { messages: [reply] };
      this.batch += 1;
      for (const entry of entries) entry.batch = this.batch;
      return { messages: [...messages, { ...reply, ext: { ack: this.batch } }] };
    }
    for (const entry of entries) entry.writing = true;
    const written = (whole: boolean): void => {
      this.written(entries, whole);
    };
    return { messages: [...messages, reply], written };
  }

  private push(link: CometLink, entry: Waiting): void {
    entry.writing = true;
    link.push?.([entry.message], (whole) => {
      this.written([entry], whole);
    });
  }

  private written(entries: readonly Waiting[], whole: boolean): void {
    if (whole) {
      this.remove((each) => entries.includes(each), true);
      return;
    }
    for (const entry of entries) entry.writing = false;
    this.releaseHeld();
  }

  private acknowledge(ack: number): void {
    this.remove(({ batch }) => batch !== undefined && batch <= ack, true);
  }

  private remove(which: (entry: Waiting) => boolean, given = false): void {
    const gone = this.queue.filter(which);
    if (gone.length === 0) return;
    this.queue = this.queue.filter((entry) => !gone.includes(entry));
    for (const entry of gone) {
      this.queuedBytes -= entry.bytes;
      if (given) entry.settle(true);
    }
  }

  private noteReachability(): void {
    const now = this.subscribed && !this.away && this.state !== 'closed';
    if (now === this.reached) return;
    this.reached = now;
    this.events.reachability(this);
  }
}
