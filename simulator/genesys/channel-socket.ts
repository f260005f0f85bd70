import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { SimulatedClock } from '../common/clock.js';

/** A heartbeat (docs/wire-facts.md §3.2a). */
const HEARTBEAT = { topicName: 'channel.metadata', eventBody: { message: 'WebSocket Heartbeat' } };

interface Wiring {
  clock: SimulatedClock;
  heartbeatMs: number;
  onText(socket: ChannelSocket, text: string): void;
  onSent(socket: ChannelSocket, text: string): void;
  onClosed(socket: ChannelSocket, code: number): void;
}

/** One connected socket of a channel. It owns its heartbeat and its delayed answers. */
export class ChannelSocket {
  #silent = false;
  #heartbeat: NodeJS.Timeout | undefined;
  readonly #pending = new Set<() => void>();

  constructor(
    readonly channelId: string,
    private readonly ws: WebSocket,
    private readonly raw: Duplex,
    private readonly wiring: Wiring,
  ) {
    ws.on('message', (data, isBinary) => {
      if (!isBinary) wiring.onText(this, (data as Buffer).toString('utf8'));
    });
    // A reset or an overlong frame: the close event that follows does the work.
    ws.on('error', () => undefined);
    ws.on('close', (code) => {
      this.#release();
      wiring.onClosed(this, code);
    });
    this.beatEvery(wiring.heartbeatMs);
  }

  get silent(): boolean {
    return this.#silent;
  }

  beatEvery(ms: number): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.send(HEARTBEAT), ms);
  }

  /** Sends an object as JSON; says whether it went out. */
  send(message: unknown): boolean {
    return this.sendRaw(JSON.stringify(message));
  }

  /** Sends a text frame as it is, or a binary one. */
  sendRaw(data: string | Buffer): boolean {
    if (this.#silent || this.ws.readyState !== this.ws.OPEN) return false;
    this.ws.send(data, { binary: typeof data !== 'string' });
    this.wiring.onSent(this, typeof data === 'string' ? data : `<binary ${data.length} bytes>`);
    return true;
  }

  sendAfter(ms: number, message: unknown): void {
    if (ms <= 0) {
      this.send(message);
      return;
    }
    const cancel = this.wiring.clock.after(ms, () => {
      this.#pending.delete(cancel);
      this.send(message);
    });
    this.#pending.add(cancel);
  }

  /** The closing handshake; close codes of the real service are unknown (docs/wire-facts.md §8), 1001 is the one that users reported. */
  close(code = 1001, reason = ''): void {
    this.ws.close(code, reason);
    // A client that does not answer the close frame must not keep the socket for ws's 30 s.
    const cancel = this.wiring.clock.after(2_000, () => this.terminate());
    this.#pending.add(cancel);
  }

  terminate(): void {
    this.ws.terminate();
  }

  /** From here nothing is sent, no pong either, and what comes in vanishes; the TCP connection stays. */
  silence(): void {
    this.#silent = true;
    // Bytes must not reach ws, which would answer pings and closings by itself; read on, so that the client's writes succeed.
    this.raw.removeAllListeners('data');
    this.raw.on('data', () => undefined);
    this.raw.resume();
  }

  #release(): void {
    clearInterval(this.#heartbeat);
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }
}
