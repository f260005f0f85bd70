import { Observable, Subject } from 'rxjs';
import WebSocket from 'ws';
import { retryAfterMs } from '../../common/retry-after.js';

/** How a socket ended; `status` is the HTTP status when the upgrade was refused. */
export interface DirectSocketEnd {
  status?: number;
  /** How long the refusal asks us to wait, when it does. */
  retryAfterMs?: number | undefined;
  /** For logs: a close code, a status or an error code; never the address, which holds the token. */
  reason: string;
}

/** As for the sockets of channels: 15 s to connect, and messages of a size that no event has. */
const HANDSHAKE_TIMEOUT_MS = 15_000;
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** How long a polite close may take before the connection is cut. */
const CLOSE_TIMEOUT_MS = 2_000;

/** One WebSocket of the direct stream. It is used once: nothing late can be taken for a newer connection's. */
export class DirectSocket {
  /** Resolves when the socket opens; never when it ends before that. */
  readonly opened: Promise<void>;
  /** Resolves once, with the reason; never rejects. */
  readonly ended: Promise<DirectSocketEnd>;

  private readonly texts = new Subject<string>();
  private readonly socket: WebSocket;
  private readonly pinging: NodeJS.Timeout;
  private closeTimer: NodeJS.Timeout | undefined;
  private heard = true;

  /** @param url with the token, so it must never be logged. @param pingMs silence that is twice as long ends the socket */
  constructor(url: string, pingMs: number) {
    this.socket = new WebSocket(url, {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      followRedirects: false,
    });
    this.opened = new Promise((resolve) => this.socket.once('open', resolve));
    this.ended = new Promise((resolve) => this.watchEnd(resolve));
    this.pinging = setInterval(() => this.ping(), pingMs);
    this.socket.on('pong', () => (this.heard = true));
    this.socket.on('message', (data, isBinary) => {
      this.heard = true;
      if (!isBinary) this.texts.next((data as Buffer).toString('utf8'));
    });
  }

  get texts$(): Observable<string> {
    return this.texts;
  }

  send(message: object): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Closes with code 1000; cut after 2 s when the peer does not answer. */
  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.close(1000);
      this.closeTimer = setTimeout(() => this.socket.terminate(), CLOSE_TIMEOUT_MS);
    } else {
      this.socket.terminate();
    }
    await this.ended;
  }

  terminate(): void {
    this.socket.terminate();
  }

  /** TCP tells of a dead peer only after minutes: a ping without any answer until the next one is the end. */
  private ping(): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (!this.heard) return this.socket.terminate();
    this.heard = false;
    this.socket.ping();
  }

  private watchEnd(resolve: (end: DirectSocketEnd) => void): void {
    const end = (result: DirectSocketEnd): void => {
      clearInterval(this.pinging);
      clearTimeout(this.closeTimer);
      this.texts.complete();
      resolve(result);
    };
    this.socket.once('unexpected-response', (request, { statusCode = 0, headers }) => {
      end({
        status: statusCode,
        reason: `refused with ${statusCode}`,
        retryAfterMs: retryAfterMs(headers['retry-after']),
      });
      request.destroy();
    });
    // After an error ws always emits 'close' too; whichever comes first is the reason. The message may hold the address.
    this.socket.on('error', (error: NodeJS.ErrnoException) => end({ reason: error.code ?? error.name }));
    this.socket.once('close', (code) => end({ reason: `closed with ${code}` }));
  }
}
