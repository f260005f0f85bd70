import { Inject, Injectable } from '@nestjs/common';
import { ApiKeys } from '../../access/api-keys.service.js';
import type { Caller } from '../../access/caller.js';
import type { Role } from '../../config/config.js';
import { mayHearOwnEvents } from '../subscriptions/own-events-right.js';
import { CONNECTION_TYPES, GENESYS_CHANNEL, refuse, succeed } from './bayeux.js';
import type { Advice, Answer, BayeuxMessage, Reply } from './bayeux.js';
import { COMET_LIMITS } from './comet-limits.js';
import type { CometLimits } from './comet-limits.js';
import type { CometLink, CometSession } from './comet-session.js';
import { CometSessions } from './comet-sessions.service.js';
import { problemOfUser } from './gms-user.js';

/** Who may hear pushes, as who may subscribe to them (contract: subscribing needs `intake` or `publish`). */
export const COMET_ROLES = ['intake', 'publish'] as const satisfies readonly Role[];

/** After a refusal for want of room: enough for sessions of vanished clients to be forgotten. */
const FULL_INTERVAL_MS = 5_000;

/** The connection that a message came on, and what is known of its other end. */
export interface Peer {
  link: CometLink;
  /** Whose key the connection's headers held; undefined on a WebSocket without one, whose key comes with the handshake. */
  caller: Caller | undefined;
  /** The header `gms_user`. */
  user: string | undefined;
  /** Whether a `/meta/connect` may be held. */
  mayHold: boolean;
  /** This connection now speaks for that session. */
  bind(session: CometSession): void;
}

/**
 * The Bayeux protocol 1.0 as far as receiving goes: handshake, connect, subscribe, unsubscribe, disconnect, with advice and
 * the `ack` extension. Clients hear `/_genesys` only, each what was pushed to its own `gms_user`, and publish nothing.
 */
@Injectable()
export class BayeuxServer {
  constructor(
    private readonly sessions: CometSessions,
    private readonly keys: ApiKeys,
    @Inject(COMET_LIMITS) private readonly limits: CometLimits,
  ) {}

  /** The answer to one message; that to a `/meta/connect` may take as long as it is held. Never rejects. */
  handle(message: BayeuxMessage, peer: Peer): Answer | Promise<Answer> {
    switch (message.channel) {
      case '/meta/handshake':
        return only(this.handshake(message, peer));
      case '/meta/connect':
        return this.connect(message, peer);
      case '/meta/subscribe':
        return only(this.subscribe(message, peer, true));
      case '/meta/unsubscribe':
        return only(this.subscribe(message, peer, false));
      case '/meta/disconnect':
        return only(this.disconnect(message, peer));
      default: {
        const why = message.channel.startsWith('/meta/') ? '404' : '403';
        const text = why === '404' ? 'there is no such meta channel' : 'clients may not publish';
        return only(refuse(message, `${why}:${message.channel}:${text}`));
      }
    }
  }

  private handshake(message: BayeuxMessage, peer: Peer): Reply {
    const key = message.ext?.['apiKey'];
    const caller = peer.caller ?? this.keys.callerOf(typeof key === 'string' ? key : undefined);
    const user = peer.user ?? message.ext?.['gms_user'];
    const problem = problemOfCaller(caller) ?? problemOfHandshake(message, user);
    if (problem !== undefined || caller === undefined) {
      return refuse(message, problem ?? '401::', { advice: { reconnect: 'none' } });
    }
    const acknowledges = message.ext?.['ack'] === true;
    const owner = {
      name: caller.name,
      byHandshake: peer.caller === undefined,
      hearsOwnEvents: mayHearOwnEvents(caller.roles),
    };
    const session = this.sessions.open(String(user), owner, acknowledges);
    if (session === 'all' || session === 'of-key') {
      const { sessions, sessionsPerKey } = this.limits;
      const why =
        session === 'all'
          ? `this instance takes no more sessions (the limit is ${String(sessions)})`
          : `the key "${caller.name}" takes no more sessions on this instance (the limit is ${String(sessionsPerKey)}); end some`;
      const advice = { reconnect: 'handshake', interval: FULL_INTERVAL_MS } as const;
      return refuse(message, `503::${why}; try again later`, { advice });
    }
    peer.bind(session);
    session.attach(peer.link);
    return succeed(message, {
      clientId: session.id,
      version: '1.0',
      supportedConnectionTypes: CONNECTION_TYPES,
      advice: this.advice(),
      ...(acknowledges ? { ext: { ack: true } } : {}),
    });
  }

  private connect(message: BayeuxMessage, peer: Peer): Answer | Promise<Answer> {
    const session = this.sessionOf(message, peer);
    if (!session) return only(unknownSession(message));
    const ack = message.ext?.['ack'];
    const asked = message.advice?.timeout ?? this.limits.timeoutMs;
    peer.bind(session);
    return session.connect(
      succeed(message, { clientId: session.id, advice: this.advice() }),
      peer.link,
      typeof ack === 'number' ? ack : undefined,
      peer.mayHold ? Math.min(asked, this.limits.timeoutMs) : 0,
    );
  }

  private subscribe(message: BayeuxMessage, peer: Peer, on: boolean): Reply {
    const session = this.sessionOf(message, peer);
    if (!session) return unknownSession(message);
    const { subscription } = message;
    if (subscription === undefined) return refuse(message, '400::subscription is missing');
    const channels = [subscription].flat();
    const foreign = channels.find((channel) => channel !== GENESYS_CHANNEL && !/^\/meta\/\w+$/.test(channel));
    if (foreign !== undefined) {
      return refuse(message, `403:${foreign}:only ${GENESYS_CHANNEL} can be subscribed to`, { subscription });
    }
    if (channels.includes(GENESYS_CHANNEL)) session.subscribe(on);
    return succeed(message, { clientId: session.id, subscription });
  }

  private disconnect(message: BayeuxMessage, peer: Peer): Reply {
    const session = this.sessionOf(message, peer);
    if (!session) return unknownSession(message);
    session.close('client');
    return succeed(message, { clientId: session.id });
  }

  /** A client id is only good for the caller who got it, and for the user that it was given for. */
  private sessionOf({ clientId }: BayeuxMessage, { caller, user }: Peer): CometSession | undefined {
    const session = this.sessions.find(clientId);
    if (!session) return undefined;
    const mine = caller === undefined ? session.owner.byHandshake : session.owner.name === caller.name;
    return mine && (user === undefined || user === session.user) ? session : undefined;
  }

  private advice(): Advice {
    const { timeoutMs, maxIntervalMs } = this.limits;
    return { reconnect: 'retry', interval: 0, timeout: timeoutMs, maxInterval: maxIntervalMs };
  }
}

function only(reply: Reply): Answer {
  return { messages: [reply] };
}

function unknownSession(message: BayeuxMessage): Reply {
  return refuse(message, '402::there is no such session; shake hands again', {
    advice: { reconnect: 'handshake', interval: 0 },
  });
}

function problemOfCaller(caller: Caller | undefined): string | undefined {
  if (!caller)
    return '401::the API key is missing or not known; send it as a header, or as ext.apiKey of the handshake';
  if (COMET_ROLES.some((role) => caller.roles.includes(role))) return undefined;
  return `403::this needs one of the roles ${COMET_ROLES.join(', ')}`;
}

function problemOfHandshake({ supportedConnectionTypes: types }: BayeuxMessage, user: unknown): string | undefined {
  const problem = problemOfUser(user);
  if (problem !== undefined)
    return `400::gms_user ${problem}; send it as a header, or as ext.gms_user of the handshake`;
  if (types === undefined || CONNECTION_TYPES.some((type) => types.includes(type))) return undefined;
  return `400::supportedConnectionTypes has none of ${CONNECTION_TYPES.join(', ')}`;
}
