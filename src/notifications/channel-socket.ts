import { Subject, type Observable } from 'rxjs';
import WebSocket from 'ws';
import { retryAfterMs } from '../common/retry-after.js';
import { parseFrame, type Frame } from './frame.js';

/** How a socket ended; `status` is the HTTP status when the upgrade was refused. */
export interface SocketEnd {
  kind: 'refused' | 'failed' | 'closed';
  status?: number;
  /** How long the refusal asks us to wait, when it does. */
  retryAfterMs?: number | undefined;
  /** For logs: a close code or an error code, never an address. */
  reason: string;
}

/** Connect attempts end after 15 s, as in the official streaming client (docs/wire-facts.md §3.4). */
const HANDSHAKE_TIMEOUT_MS = 15_000;
/** After-call-work events are about 1 KiB; snapshots of conversations stay far below this. Larger frames end the socket with 1009. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024;
/** How long a polite close may take before the connection is cut. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * One WebSocket to a channel's connect URI, as streams. It sends no header, token or sub-protocol (docs/wire-facts.md §3.1) and
 * is used once: a reconnect makes a new object, so nothing late can be taken for the new connection's.
 */
export class ChannelSocket {
  /** Resolves when the socket opens; never when it ends before that (see `ended`). */
  readonly opened: Promise<void>;
  /** Resolves once, with the reason; never rejects. */
  readonly ended: Promise<SocketEnd>;
  /** Monotonic milliseconds (`performance.now()`) of the last frame. */
  lastFrameAt = performance.now();
  /** Unreadable frames so far. */
  malformed = 0;
  /** Announcements so far that it is going to be closed; the first one is news. */
  closings = 0;

  private readonly frames = new Subject<Frame>();
  private readonly socket: WebSocket;
  private closeTimer: NodeJS.Timeout | undefined;

  constructor(connectUri: string) {
    this.socket = new WebSocket(connectUri, {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
    });
    this.opened = new Promise((resolve) => this.socket.once('open', resolve));
    this.ended = new Promise((resolve) => this.watchEnd(resolve));
    this.socket.on('message', (data, isBinary) => this.receive(data as Buffer, isBinary));
  }

  get frames$(): Observable<Frame> {
    return this.frames;
  }

  /** False when the socket is no longer open: the message went nowhere. */
  send(message: object): boolean {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
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

  /** Cuts the connection without waiting for a close frame: for a socket that is dead already. */
  terminate(): void {
    this.socket.terminate();
  }

  private receive(data: Buffer, isBinary: boolean): void {
    this.lastFrameAt = performance.now();
    this.frames.next(isBinary ? { kind: 'malformed' } : parseFrame(data.toString('utf8')));
  }

  private watchEnd(resolve: (end: SocketEnd) => void): void {
    const end = (result: SocketEnd): void => {
      clearTimeout(this.closeTimer);
      this.frames.complete();
      resolve(result);
    };
    this.socket.once('unexpected-response', (request, response) => {
      end({
        kind: 'refused',
        status: response.statusCode ?? 0,
        reason: `upgrade refused with ${response.statusCode}`,
        retryAfterMs: retryAfterMs(response.headers['retry-after']),
      });
      request.destroy();
    });
    // After an error ws always emits 'close' too; whichever comes first is the reason, the other changes nothing.
    this.socket.on('error', (error: NodeJS.ErrnoException) =>
      end({ kind: 'failed', reason: error.code ?? error.name }),
    );
    this.socket.once('close', (code) => end({ kind: 'closed', reason: `closed with ${code}` }));
  }
}
