import assert from 'node:assert/strict';
import type { Log } from '../telemetry/logs.js';

/**
 * The life of the channel manager, which follows that of the replica's lease.
 *
 * - `waiting`: nothing is stored that is ours, as far as we know; topics that are wanted wait.
 * - `resuming`: stored channels are coming back; topics wait, since each may be held there already.
 * - `running`: topics are placed.
 * - `suspending`: the lease is over: everything has been let go, and the last sockets are closing.
 * - `stopped`: the process ends; nothing leaves this state.
 */
export type ManagerState = 'waiting' | 'resuming' | 'running' | 'suspending' | 'stopped';

const NEXT: Record<ManagerState, readonly ManagerState[]> = {
  waiting: ['resuming', 'stopped'],
  resuming: ['running', 'suspending', 'stopped'],
  running: ['suspending', 'stopped'],
  suspending: ['waiting', 'stopped'],
  stopped: [],
};

/** The state, and the term: the time between two suspensions. What began in one that is over changes nothing any more. */
export class ManagerLife {
  private current: ManagerState = 'waiting';
  private terms = new AbortController();
  private turn: Promise<unknown> = Promise.resolve();
  /** Under way, or waiting for their turn. */
  private resumptions = 0;
  private stretch: object = {};

  constructor(private readonly log: Log) {}

  get state(): ManagerState {
    return this.current;
  }

  /** Aborts when this term ends. */
  get term(): AbortSignal {
    return this.terms.signal;
  }

  /**
   * A time in which topics are placed and nothing comes back or is let go: another object for each; undefined between them.
   * What is read in the database and compared with what is wanted has to be of one such time.
   */
  get calm(): object | undefined {
    return this.current === 'running' && this.resumptions === 0 ? this.stretch : undefined;
  }

  /** Resumptions come one after the other, each in the term in which it was asked for. There is no calm until all are over. */
  inTurn(resume: (term: AbortSignal) => Promise<void>): Promise<void> {
    const { term } = this;
    this.resumptions += 1;
    this.stretch = {};
    const resumed = this.turn.then(() => resume(term)).finally(() => (this.resumptions -= 1));
    this.turn = resumed.catch(() => undefined);
    return resumed;
  }

  /** No resumption begins before `work` is over. */
  holdTurn(work: Promise<void>): void {
    this.turn = Promise.allSettled([this.turn, work]);
  }

  /** Resolves when what has its turn now is over. Never rejects. */
  async idle(): Promise<void> {
    await this.turn;
  }

  /** The one place where the state changes. */
  become(to: ManagerState, reason: string): void {
    if (this.current === to) return;
    assert(NEXT[this.current].includes(to), `the channel manager cannot go from ${this.current} to ${to}`);
    this.log.debug({ from: this.current, to, reason }, 'channel manager state');
    this.current = to;
  }

  endTerm(): void {
    this.stretch = {};
    this.terms.abort();
    this.terms = new AbortController();
  }
}
