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

  constructor(private readonly log: Log) {}

  get state(): ManagerState {
    return this.current;
  }

  /** Aborts when this term ends. */
  get term(): AbortSignal {
    return this.terms.signal;
  }

  /** The one place where the state changes. */
  become(to: ManagerState, reason: string): void {
    if (this.current === to) return;
    assert(NEXT[this.current].includes(to), `the channel manager cannot go from ${this.current} to ${to}`);
    this.log.debug({ from: this.current, to, reason }, 'channel manager state');
    this.current = to;
  }

  endTerm(): void {
    this.terms.abort();
    this.terms = new AbortController();
  }
}
