import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Subject, type Observable } from 'rxjs';
import { backoffDelay } from '../common/backoff.js';
import type { ChannelTools } from './channel-tools.js';
import type { StoredChannel } from './channel.repository.js';
import type { ChannelSignal, Told } from './channel-signal.js';
import { connectionOver, prove } from './channel-connection.js';
import { ChannelRecord } from './channel-record.js';
import { isGone, isTakenOver } from './channel-reuse.js';
import { ChannelSocket } from './channel-socket.js';
import { mayFollow, type ChannelState } from './channel-state.js';
import { saysGone, type Frame } from './frame.js';
import { SubscriptionSync } from './subscription-sync.js';
import { Subscriptions } from './subscriptions.js';

/** Waits between attempts to get a socket back: none, then ≤ 1, 2, 4 … 60 s, drawn with full jitter. */
const RECONNECT = { baseMs: 1_000, capMs: 60_000 };
/**
 * A connection that lived this long (or as long as silence is borne, if that is shorter) was healthy: the next loss starts
 * from no wait. A heartbeat interval, docs/wire-facts.md §3.4.
 */
const HEALTHY_AFTER_MS = 30_000;

/** A stored channel to go on with, or the way to a new one; that rejects when its signal aborts or it is not to be had. */
export type ChannelOrigin = StoredChannel | ((signal: AbortSignal) => Promise<StoredChannel>);

/** One notification channel, from its creation to its end: one loop, at most one socket at any time. */
export class Channel {
  readonly subscriptions = new Subscriptions();
  readonly signals$: Observable<ChannelSignal>;

  private readonly signals = new Subject<ChannelSignal>();
  private readonly stop = new AbortController();
  private readonly goneReason = new Subject<string>();
  private current: ChannelState;
  private known: ChannelRecord | undefined;
  private socket: ChannelSocket | undefined;
  /** Monotonic milliseconds of the last frame on any of its sockets. */
  private heardAt: number | undefined;
  private sync: SubscriptionSync | undefined;
  private failures = 0;
  /** A socket or a try to get one has failed, perhaps because another replica uses the channel now. */
  private lostOne = false;
  private draining = false;
  private capacity: number;
  /** When Genesys' list last agreed with ours, monotonic ms. */
  private verifiedAt = performance.now();

  constructor(
    private readonly tools: ChannelTools,
    private readonly origin: ChannelOrigin,
  ) {
    if (typeof origin !== 'function') this.known = new ChannelRecord(origin);
    this.capacity = tools.limits.maxTopics;
    this.current = this.known ? 'recovering' : 'creating';
    this.signals$ = this.signals.asObservable();
  }

  get state(): ChannelState {
    return this.current;
  }

  /** What is stored of it; undefined while it is being created. Holds secrets. */
  get stored(): StoredChannel | undefined {
    return this.known?.row;
  }

  /** The same with its age. */
  get record(): ChannelRecord | undefined {
    return this.known;
  }

  /** True when it was made by a process before this one, or by another replica. */
  get isAdopted(): boolean {
    return typeof this.origin !== 'function';
  }

  /** Milliseconds since the last frame, on whichever of its sockets; undefined before the first. */
  get quietForMs(): number | undefined {
    return this.heardAt === undefined ? undefined : performance.now() - this.heardAt;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  get hasRoom(): boolean {
    return !this.draining && this.subscriptions.load < this.capacity;
  }

  /** True when an event on this topic would arrive here now. */
  covers(topic: string): boolean {
    return (this.current === 'open' || this.current === 'draining') && this.subscriptions.holds(topic);
  }

  want(topic: string): void {
    this.subscriptions.want(topic);
    this.sync?.changed();
  }

  drop(topic: string): void {
    this.subscriptions.drop(topic);
    this.sync?.changed();
  }

  /** Compares what Genesys holds with what we believe, as soon as no request is under way. */
  verifySoon(): void {
    this.sync?.verifySoon();
  }

  /** No new topics here from now on: a successor takes over, or the channel is let go. */
  drain(reason: string): void {
    this.draining = true;
    if (this.current === 'open') this.setState('draining', reason);
  }

  /** Something else found out that the channel is gone (HEAD after a new token). */
  declareGone(reason: string): void {
    this.goneReason.next(reason);
  }

  /** The whole life. Resolves when the channel is closed; never rejects for reasons of Genesys or the network. */
  async live(): Promise<void> {
    const { signal } = this.stop;
    try {
      if (typeof this.origin === 'function') {
        this.known = new ChannelRecord(await this.origin(signal));
        this.setState('connecting', 'created');
      }
      const { row } = this.known as ChannelRecord;
      while (!signal.aborted) {
        const socket = await this.connect(row);
        if (!socket) return;
        if (!(await this.serve(socket, row))) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (signal.aborted) this.setState('closed', 'closed by us');
      else if (this.current !== 'closed') this.end('failed');
      this.signals.complete();
    }
  }

  /** Ends the life: closes the socket with 1000. Subscriptions at Genesys stay as they are. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.socket?.close();
  }

  /** Tries until a socket has proven itself. Undefined when the channel turned out to be gone, or we were told to stop. */
  private async connect(row: StoredChannel): Promise<ChannelSocket | undefined> {
    // One loss is answered at once; a socket that is closed again and again right after its opening is not.
    if (this.failures > 1)
      await delay(backoffDelay(RECONNECT, this.failures - 2), undefined, { signal: this.stop.signal });
    while (!this.stop.signal.aborted) {
      if (this.lostOne && (await isTakenOver(this.tools, row))) return this.end('taken over by another replica');
      this.tools.lease.assertHeld();
      const socket = this.openSocket(row);
      const end = await prove(socket, this.tools.limits.pingTimeoutMs);
      if (!end) return socket;
      socket.terminate();
      this.lostOne = true;
      const retryMs = Math.max(end.retryAfterMs ?? 0, backoffDelay(RECONNECT, this.failures++));
      this.tools.sockets.failed(end.reason, { channel: row.no, retryMs });
      if (await isGone(this.tools, row, end, this.stop.signal)) return this.end(`connect: ${end.reason}`);
      await delay(retryMs, undefined, { signal: this.stop.signal });
    }
    return undefined;
  }

  private openSocket(row: StoredChannel): ChannelSocket {
    const socket = new ChannelSocket(row.connect_uri);
    this.socket = socket;
    // Events count from the first frame on, whatever the state: nothing that arrives is thrown away.
    socket.frames$.subscribe((frame) => this.receive(socket, frame));
    return socket;
  }

  /** Serves one connection until it ends. False when the channel is over. */
  private async serve(socket: ChannelSocket, row: StoredChannel): Promise<boolean> {
    const connection = new AbortController();
    const openedAt = performance.now();
    const over = connectionOver(socket, this.goneReason, this.tools.limits);
    const syncing = this.startSync(socket, row, AbortSignal.any([connection.signal, this.stop.signal]));
    const { cause, reason } = await over;
    this.lostOne = true;
    connection.abort();
    socket.terminate();
    await syncing;
    if (this.stop.signal.aborted) return false;
    const healthyAfterMs = Math.min(HEALTHY_AFTER_MS, this.tools.limits.heartbeatTimeoutMs);
    this.failures = performance.now() - openedAt >= healthyAfterMs ? 0 : this.failures + 1;
    this.tools.metrics.reconnects.inc({ reason: cause });
    this.tell({ kind: 'lost', reason, since: Date.now() - Math.round(performance.now() - socket.lastFrameAt) });
    if (cause === 'gone') {
      this.end(reason);
      return false;
    }
    if (this.current !== 'connecting') this.setState('recovering', reason);
    return true;
  }

  private async startSync(socket: ChannelSocket, row: StoredChannel, signal: AbortSignal): Promise<void> {
    this.sync = new SubscriptionSync(
      {
        channelId: row.genesys_id,
        socket,
        subscriptions: this.subscriptions,
        assertHeld: () => this.tools.lease.assertHeld(),
        isOurs: () => this.tools.lease.isOurs(row.no),
      },
      this.tools,
      {
        ready: () => this.ready(),
        confirmed: (topics) => this.tell({ kind: 'confirmed', topics }),
        rejected: (topic, reason) => this.tell({ kind: 'rejected', topic, reason }),
        full: (topics) => this.becomeFull(topics),
        verified: (missing) => this.verified(missing),
        gone: (reason) => this.goneReason.next(reason),
      },
      this.tools.log.child({ channel: row.no }),
      // A new channel holds nothing; any other is asked what it still holds.
      { verifyFirst: this.current !== 'connecting' },
    );
    await this.sync.run(signal);
    this.sync = undefined;
  }

  private ready(): void {
    this.setState(this.draining ? 'draining' : 'open', 'a frame has come');
    const held = [...this.subscriptions.heldTopics].filter((topic) => this.subscriptions.wants(topic));
    if (held.length > 0) this.tell({ kind: 'confirmed', topics: held });
  }

  private verified(missing: string[]): void {
    this.tools.metrics.subscriptionsRepaired.inc(missing.length);
    const since = Date.now() - Math.round(performance.now() - this.verifiedAt);
    if (missing.length > 0) this.tell({ kind: 'missing', topics: missing, since });
    this.verifiedAt = performance.now();
  }

  /** Genesys' own count is the one that matters: from now on this channel takes no more than it holds. */
  private becomeFull(refused: string[]): void {
    this.capacity = this.subscriptions.heldTopics.size;
    this.tell({ kind: 'full', topics: refused });
  }

  private receive(socket: ChannelSocket, frame: Frame): void {
    if (socket !== this.socket) return;
    this.heardAt = socket.lastFrameAt;
    this.tools.metrics.frames.inc({ kind: frame.kind });
    switch (frame.kind) {
      case 'event':
        return this.tell({ kind: 'event', topic: frame.topic, body: frame.body, receivedAt: Date.now() });
      case 'closing':
        if (socket.closings++ === 0) this.tell({ kind: 'closing' });
        return;
      case 'token-revoked':
        return this.tell({ kind: 'token-revoked' });
      case 'no-longer-subscribed':
      case 'reply': {
        const reason = saysGone(frame, this.stored?.genesys_id);
        if (reason !== undefined) this.goneReason.next(reason);
        return;
      }
      case 'malformed':
        // Once for each socket: a peer that talks nonsense must not fill the log. The metric counts them all.
        if (socket.malformed++ === 0) this.tools.log.warn({ channel: this.stored?.no }, 'unreadable frame');
        return;
      case 'heartbeat':
      case 'pong':
      case 'other':
        return;
      default:
        frame satisfies never;
    }
  }

  private end(reason: string): undefined {
    // In this order: whoever hears of the end must know already that topics may have stayed behind.
    this.tell({ kind: 'gone', reason });
    this.setState('closed', reason);
    return undefined;
  }

  private setState(to: ChannelState, reason: string): void {
    const from = this.current;
    if (from === to) return;
    assert(mayFollow(from, to), `a channel cannot go from ${from} to ${to}`);
    this.current = to;
    this.tell({ kind: 'state', from, to, reason });
  }

  private tell(signal: Told): void {
    this.signals.next({ channel: this, ...signal });
  }
}
