import type { RawData, WebSocket } from 'ws';
import type { Log } from '../../telemetry/logs.js';
import type { BayeuxServer, Peer } from './bayeux-server.js';
import { bayeuxMessages } from './bayeux.js';
import type { Answer, BayeuxMessage, Outgoing } from './bayeux.js';
import type { CometLimits } from './comet-limits.js';
import type { CometLink, CometSession } from './comet-session.js';

/** WebSocket close codes (RFC 6455 §7.4.1). */
export const GOING_AWAY = 1001;
const INVALID_DATA = 1007;
const POLICY = 1008;

/** How long a client may take to answer our close frame. */
export const CLOSE_WAIT_MS = 1_000;

/** CometD's WebSocket transport: one connection, which speaks for one session. */
export class CometSocket implements CometLink {
  private session: CometSession | undefined;
  /** Until there is a session: the wait for one. After `close`: the wait for the client's close frame. */
  private timer: NodeJS.Timeout | undefined;
  private readonly pings: NodeJS.Timeout;
  /** Something has come since the last ping. */
  private alive = true;
  private readonly peer: Peer;

  constructor(
    private readonly socket: WebSocket,
    from: Pick<Peer, 'caller' | 'user'>,
    private readonly server: BayeuxServer,
    private readonly limits: CometLimits,
    private readonly log: Log,
    /** Told once: it has shaken hands, or has ended without. */
    private readonly known: () => void,
  ) {
    this.peer = {
      ...from,
      link: this,
      mayHold: true,
      bind: (session) => {
        this.bind(session);
      },
    };
    this.timer = setTimeout(() => {
      this.end(POLICY, 'no session');
    }, limits.maxIntervalMs);
    this.pings = setInterval(() => {
      this.ping();
    }, limits.pingMs);
    socket.on('pong', () => {
      this.alive = true;
    });
    socket.on('message', (data, isBinary) => {
      this.alive = true;
      this.receive(data, isBinary);
    });
    socket.once('close', () => {
      clearTimeout(this.timer);
      clearInterval(this.pings);
      this.known();
      this.session?.lost(this);
    });
    socket.on('error', (error) => {
      // `close` follows. The message of a protocol error quotes nothing of the data.
      this.log.debug({ reason: error.message }, 'comet socket failed');
    });
  }

  push(messages: readonly Outgoing[], written?: (whole: boolean) => void): void {
    if (this.socket.bufferedAmount > this.limits.socketBytes) this.socket.terminate();
    // Not open: calls back with an error.
    this.socket.send(JSON.stringify(messages), (error) => {
      written?.(error === undefined || error === null);
    });
  }

  /** Lets what was sent in this turn go out first. */
  close(reason: string): void {
    setImmediate(() => {
      this.end(GOING_AWAY, reason);
    });
  }

  /** A client that vanished without a word is noticed; and proxies do not take an idle connection for a dead one. */
  private ping(): void {
    if (!this.alive) {
      this.socket.terminate();
      return;
    }
    this.alive = false;
    this.socket.ping();
  }

  private end(code: number, reason: string): void {
    if (this.socket.readyState >= this.socket.CLOSING) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.socket.terminate();
    }, CLOSE_WAIT_MS);
    this.socket.close(code, reason);
  }

  private bind(session: CometSession): void {
    clearTimeout(this.timer);
    this.known();
    const before = this.session;
    this.session = session;
    if (before && before !== session) {
      before.lost(this);
      before.close('replaced');
    }
  }

  private receive(data: RawData, isBinary: boolean): void {
    const messages = isBinary ? undefined : parse(data);
    if (!messages) {
      this.end(INVALID_DATA, 'not a list of Bayeux messages');
      return;
    }
    for (const message of messages) {
      const answer = this.server.handle(message, this.peer);
      if (answer instanceof Promise) void answer.then((later) => this.answer(later));
      else this.answer(answer);
    }
  }

  private answer({ messages, written }: Answer): void {
    this.push(messages, written);
  }
}

function parse(data: RawData): BayeuxMessage[] | undefined {
  try {
    // `ws` gives text as one Buffer, of valid UTF-8.
    return bayeuxMessages.safeParse(JSON.parse((data as Buffer).toString())).data;
  } catch {
    // Not JSON; the caller says so to the client.
    return undefined;
  }
}
