import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Subject } from 'rxjs';
import { asError } from '../../common/errors.js';
import type { Log } from '../../telemetry/logs.js';
import { OutageLog } from '../../telemetry/outage-log.js';
import { diagnose, noEvents, NOT_CONFIRMED, noToken, type Diagnosis } from './diagnosis.js';
import { readMessage, type DirectMessage, type SubscriptionRequest } from './direct-messages.js';
import { DirectSocket } from './direct-socket.js';
import { mayFollow, retryDelay, type DirectState, type DirectTimings } from './direct-state.js';

export interface DirectTools {
  /** Without a query. */
  url: string;
  /** A new one at each call. */
  token(): Promise<string>;
  log: Log;
  timings: DirectTimings;
}

export interface DirectHealth {
  state: DirectState;
  lastDiagnosis?: Diagnosis & { at: number };
}

/** The one connection of the direct stream: kept up from `start` to `stop`, with a new token each time. */
export class DirectConnection {
  /** Of the current connection: `confirmed` when the latest request is, and `lost` when a confirmed one has ended. */
  readonly messages$ = new Subject<(DirectMessage & { kind: 'confirmed' | 'event' }) | { kind: 'lost' }>();

  private current: DirectState = 'idle';
  private lastDiagnosis: (Diagnosis & { at: number }) | undefined;
  private socket: DirectSocket | undefined;
  private request: SubscriptionRequest | undefined;
  private life = new AbortController();
  private living: Promise<void> = Promise.resolve();
  private failures = 0;
  /** Requests on this connection that Genesys has not confirmed yet. */
  private outstanding = 0;
  private unconfirmed: NodeJS.Timeout | undefined;
  private settling: NodeJS.Timeout | undefined;
  private quiet: NodeJS.Timeout | undefined;
  private readonly outage: OutageLog;

  constructor(private readonly tools: DirectTools) {
    this.outage = new OutageLog(tools.log, 'the direct stream');
  }

  get health(): DirectHealth {
    return { state: this.current, ...(this.lastDiagnosis ? { lastDiagnosis: this.lastDiagnosis } : {}) };
  }

  /** Subscribes with this request: connects when there is no connection, else asks on the present one. */
  subscribe(request: SubscriptionRequest): void {
    const same = JSON.stringify(request) === JSON.stringify(this.request);
    this.request = request;
    if (this.current === 'idle') this.start();
    else if (this.socket && this.isOpen) {
      if (!same) this.send(this.socket);
      else if (this.outstanding === 0) this.messages$.next({ kind: 'confirmed' });
    }
  }

  /** Ends the connection, until the next `subscribe`. */
  async stop(): Promise<void> {
    this.life.abort();
    this.request = undefined;
    const { socket, living } = this;
    this.leaveSocket();
    if (this.current !== 'idle') this.setState('idle', 'nobody follows');
    await socket?.close();
    await living;
  }

  private get isOpen(): boolean {
    return this.current === 'subscribing' || this.current === 'confirmed' || this.current === 'stable';
  }

  private start(): void {
    this.life = new AbortController();
    const { signal } = this.life;
    this.failures = 0;
    // A connection before may be closing still: never two at a time.
    this.living = this.living.then(() => this.live(signal));
    this.setState('connecting', 'somebody follows');
  }

  /** Connects again and again until it is told to stop; never rejects. */
  private async live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = Math.max(await this.connectOnce(signal), retryDelay(this.tools.timings, this.failures));
      if (signal.aborted) return;
      this.failures += 1;
      this.setState('waiting', `${Math.round(waitMs)} ms`);
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) this.setState('connecting', 'again');
    }
  }

  /** One connection from its token to its end. Answers how long Genesys asks us to wait, in milliseconds. */
  private async connectOnce(signal: AbortSignal): Promise<number> {
    let token: string;
    try {
      token = await this.tools.token();
    } catch (thrown) {
      if (!signal.aborted) this.diagnosed(noToken(asError(thrown)));
      return 0;
    }
    if (signal.aborted) return 0;
    const socket = new DirectSocket(
      `${this.tools.url}?access_token=${encodeURIComponent(token)}`,
      this.tools.timings.pingMs,
    );
    this.socket = socket;
    socket.texts$.subscribe((text) => this.receive(socket, text));
    void socket.opened.then(() => this.onOpen(socket));
    const end = await socket.ended;
    if (socket !== this.socket) return 0;
    const before = this.current;
    this.leaveSocket();
    if (before === 'connecting' || before === 'subscribing') this.diagnosed(diagnose(end, before === 'subscribing'));
    else this.lost(end.reason);
    return end.retryAfterMs ?? 0;
  }

  private lost(reason: string): void {
    this.outage.failed(`It was lost: ${reason}.`, { code: 'stream.lost' });
    this.messages$.next({ kind: 'lost' });
  }

  private onOpen(socket: DirectSocket): void {
    if (socket !== this.socket) return;
    this.setState('subscribing', 'open');
    this.send(socket);
  }

  private send(socket: DirectSocket): void {
    if (!this.request) return;
    socket.send(this.request);
    this.outstanding += 1;
    clearTimeout(this.unconfirmed);
    this.unconfirmed = setTimeout(() => {
      if (socket !== this.socket) return;
      this.diagnosed(NOT_CONFIRMED);
      socket.terminate();
    }, this.tools.timings.confirmMs);
  }

  private receive(socket: DirectSocket, text: string): void {
    if (socket !== this.socket) return;
    const message = readMessage(text, Date.now());
    switch (message.kind) {
      case 'confirmed':
        return this.onConfirmed(socket);
      case 'event':
        this.watchQuiet(socket);
        return this.messages$.next(message);
      case 'error':
        return this.diagnosed({ code: 'stream.error', message: `Genesys says on the stream: ${message.message}` });
      case 'other':
        return this.tools.log.debug('a message of another type on the direct stream');
    }
  }

  private onConfirmed(socket: DirectSocket): void {
    this.outstanding = Math.max(0, this.outstanding - 1);
    if (this.outstanding === 0) clearTimeout(this.unconfirmed);
    if (this.current === 'subscribing') {
      this.setState('confirmed', 'Genesys confirmed the subscription');
      this.settling = setTimeout(() => {
        if (socket !== this.socket) return;
        this.failures = 0;
        this.setState('stable', 'it has lasted');
      }, this.tools.timings.stableMs);
    }
    this.watchQuiet(socket);
    if (this.outstanding > 0) return;
    this.outage.recovered();
    this.messages$.next({ kind: 'confirmed' });
  }

  private watchQuiet(socket: DirectSocket): void {
    const { quietMs } = this.tools.timings;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      if (socket !== this.socket) return;
      // No outage: it may well be that nothing happens. Once for each silence.
      const diagnosis = noEvents(quietMs);
      this.remember(diagnosis);
      this.tools.log.warn({ code: diagnosis.code }, diagnosis.message);
    }, quietMs);
  }

  /** From here on nothing of the present socket counts. */
  private leaveSocket(): void {
    this.socket = undefined;
    this.outstanding = 0;
    for (const timer of [this.unconfirmed, this.settling, this.quiet]) clearTimeout(timer);
  }

  private diagnosed(diagnosis: Diagnosis): void {
    this.remember(diagnosis);
    this.outage.failed(diagnosis.message, { code: diagnosis.code });
  }

  private remember(diagnosis: Diagnosis): void {
    this.lastDiagnosis = { ...diagnosis, at: Date.now() };
  }

  /** The one setter. */
  private setState(to: DirectState, reason: string): void {
    const from = this.current;
    assert(mayFollow(from, to), `the direct stream cannot go from ${from} to ${to}`);
    this.current = to;
    // While it fails, each try goes through several states: the outage has its own lines.
    this.tools.log[this.failures === 0 ? 'info' : 'debug']({ from, to, reason }, 'direct stream state');
  }
}
