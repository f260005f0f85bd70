import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { shortHash } from '../../common/short-hash.js';
import { Logs } from '../../telemetry/logs.js';
import type { Log } from '../../telemetry/logs.js';
import { Metrics } from '../../telemetry/metrics.js';
import { GENESYS_CHANNEL } from './bayeux.js';
import type { Publication } from './bayeux.js';
import { COMET_LIMITS } from './comet-limits.js';
import type { CometLimits } from './comet-limits.js';
import { CometSession } from './comet-session.js';
import type { CloseReason, Entry, SessionEvents, SessionOwner } from './comet-session.js';

/** Which sessions of a user: every one, or those whose key may hear the gateway's own events. */
export type Hearers = 'all' | 'own-events';

/** Every CometD session of this instance, and the way to push to their users. */
@Injectable()
export class CometSessions {
  /** A user can be reached now, and could not a moment ago; or another of their clients has come. */
  readonly connected$: Observable<string>;

  private readonly connected = new Subject<string>();
  private readonly sessions = new Map<string, CometSession>();
  private readonly byUser = new Map<string, Set<CometSession>>();
  /** How many each key has, by its name. */
  private readonly byKey = new Map<string, number>();
  private reachableUsers: Partial<Record<Hearers, readonly string[]>> = {};
  private ended = false;
  private readonly log: Log;
  private readonly events: SessionEvents = {
    reachability: (session) => {
      this.reachableUsers = {};
      if (session.reachable) this.connected.next(session.user);
    },
    closed: (session, reason) => {
      this.forget(session, reason);
    },
  };

  constructor(
    @Inject(COMET_LIMITS) private readonly limits: CometLimits,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('comet');
    this.connected$ = this.connected.asObservable();
  }

  /** Users with at least one client that hears `/_genesys` and is not known to be away. */
  users(hearers: Hearers = 'all'): readonly string[] {
    return (this.reachableUsers[hearers] ??= [...this.byUser]
      .filter(([, sessions]) => reachableOf(sessions, hearers).length > 0)
      .map(([user]) => user));
  }

  /**
   * Gives `data` to every client of `user` that can be reached and is among `hearers`. True as soon as one has it: acknowledged it, or, without
   * acknowledgements, the network took all of it. False when no client can be reached, all were lost before, or `signal` was
   * aborted; it is then offered no more.
   */
  send(user: string, data: unknown, signal: AbortSignal, hearers: Hearers = 'all'): Promise<boolean> {
    const sessions = reachableOf(this.byUser.get(user) ?? [], hearers);
    if (sessions.length === 0 || signal.aborted) return Promise.resolve(false);
    const message: Publication = { channel: GENESYS_CHANNEL, data };
    const bytes = Buffer.byteLength(JSON.stringify(message));
    return new Promise((resolve) => {
      let undecided = sessions.length;
      const finish = (given: boolean): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(given);
      };
      const settle = (given: boolean): void => {
        undecided -= 1;
        if (given || undecided === 0) finish(given);
      };
      const offers = sessions.map((session): [CometSession, Entry] => [session, { message, bytes, settle }]);
      const giveUp = (): void => {
        for (const [session, entry] of offers) session.withdraw(entry);
        finish(false);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      for (const [session, entry] of offers) session.offer(entry);
    });
  }

  /**
   * A new session. When the user has too many, one that is away, otherwise the oldest, is closed; those that hear own events
   * are counted apart, so that a key without that right cannot close them by shaking hands as their user.
   * @returns what there are too many of otherwise: `all` also when this instance is going away
   */
  open(user: string, owner: SessionOwner, acknowledges: boolean): CometSession | 'all' | 'of-key' {
    const ofUser = this.byUser.get(user) ?? new Set();
    const alike = [...ofUser].filter((session) => session.owner.hearsOwnEvents === owner.hearsOwnEvents);
    if (alike.length >= this.limits.sessionsPerUser) {
      (alike.find(({ isAway }) => isAway) ?? alike[0])?.close('too-many');
    }
    if (this.ended || this.sessions.size >= this.limits.sessions) return 'all';
    const ofKey = this.byKey.get(owner.name) ?? 0;
    if (ofKey >= this.limits.sessionsPerKey) return 'of-key';
    this.byKey.set(owner.name, ofKey + 1);
    const id = randomBytes(20).toString('hex');
    const session = new CometSession(id, user, owner, acknowledges, this.limits, this.events);
    this.sessions.set(id, session);
    this.byUser.set(user, ofUser.add(session));
    this.metrics.cometSessions.set(this.sessions.size);
    this.log.debug(
      { session: shortHash(id), user: shortHash(user), caller: owner.name, acknowledges },
      'session opened',
    );
    return session;
  }

  find(clientId: string | undefined): CometSession | undefined {
    return clientId === undefined ? undefined : this.sessions.get(clientId);
  }

  /** Ends every session; their clients are told to shake hands again, which brings them to another instance. */
  close(): void {
    this.ended = true;
    for (const session of [...this.sessions.values()]) session.close('shutdown');
    this.connected.complete();
  }

  private forget(session: CometSession, reason: CloseReason): void {
    this.sessions.delete(session.id);
    const own = this.byUser.get(session.user);
    own?.delete(session);
    if (own?.size === 0) this.byUser.delete(session.user);
    const ofKey = (this.byKey.get(session.owner.name) ?? 1) - 1;
    if (ofKey === 0) this.byKey.delete(session.owner.name);
    else this.byKey.set(session.owner.name, ofKey);
    this.reachableUsers = {};
    this.metrics.cometSessions.set(this.sessions.size);
    const level = reason === 'queue-full' || reason === 'too-many' ? 'warn' : 'debug';
    this.log[level]({ session: shortHash(session.id), user: shortHash(session.user), reason }, 'session closed');
  }
}

function reachableOf(sessions: Iterable<CometSession>, hearers: Hearers): CometSession[] {
  return [...sessions].filter(({ reachable, owner }) => reachable && (hearers === 'all' || owner.hearsOwnEvents));
}
