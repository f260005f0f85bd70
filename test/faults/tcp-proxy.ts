import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** `up`: what clients send; `down`: what they are answered. */
export type Direction = 'up' | 'down';

export interface Address {
  host: string;
  port: number;
}

interface Link {
  near: Socket;
  far: Socket;
  /** When the last chunk that is on its way arrives, per direction: a shorter delay must not overtake it. */
  dueAt: Record<Direction, number>;
}

/**
 * Ends a connection with a reset. Node cannot reset a socket that is still connecting, nor one whose FIN is under way
 * (libuv answers EINVAL and the handle stays open for ever): those are closed.
 */
function reset(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A wire between a client and a server that can be cut, clogged and slowed down while both believe in each other. */
export class TcpProxy {
  /** Sees every chunk before it is passed on, and the connection that it belongs to; `false` swallows it. */
  tap: ((direction: Direction, chunk: Buffer, connection: object) => boolean) | undefined;
  /** Serves connections instead of the target. */
  impostor: ((socket: Socket) => void) | undefined;
  private readonly links = new Set<Link>();
  private readonly dangling = new Set<Socket>();
  private readonly blocked = new Set<Direction>();
  private refusing = false;
  private delayMs = 0;
  private target: Address | undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (near) => this.connect(near));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async open(target?: Address): Promise<TcpProxy> {
    // Half-closed connections are passed on as they are.
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server);
    proxy.target = target;
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.links.size;
  }

  leadTo(target: Address): void {
    this.target = target;
  }

  /** Resets the connections that there are; new ones pass. */
  drop(): void {
    for (const { near, far } of this.links) {
      reset(near);
      reset(far);
    }
  }

  /** Resets what there is and every new connection, until `restore`. */
  cut(): void {
    this.refusing = true;
    this.drop();
  }

  /** Nothing passes in these directions until `restore`; connections stay, and new ones are taken and stay mute. */
  blackHole(...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : (['up', 'down'] as const)) this.blocked.add(direction);
    for (const link of this.links) this.regulate(link);
  }

  /** The present connections lose their far end and are never told: no FIN, no reset, no byte. New ones pass. */
  halfOpen(): void {
    for (const link of this.links) {
      this.links.delete(link);
      link.near.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
      link.far.removeAllListeners('close');
      this.dangling.add(link.near);
      // Read on, so that the client's writes succeed and its own end is noticed.
      link.near.on('data', () => undefined).on('close', () => this.dangling.delete(link.near));
      link.near.resume();
      reset(link.far);
    }
  }

  /** Every chunk comes so much later, both ways. */
  slow(delayMs: number): void {
    this.delayMs = delayMs;
  }

  /** The wire is sound again; what was held back arrives now. */
  restore(): void {
    this.refusing = false;
    this.blocked.clear();
    this.delayMs = 0;
    this.tap = undefined;
    this.impostor = undefined;
    for (const link of this.links) this.regulate(link);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.drop();
    for (const socket of this.dangling) socket.destroy();
    await closed;
  }

  private connect(near: Socket): void {
    near.on('error', () => near.destroy());
    if (this.impostor) {
      this.dangling.add(near);
      near.on('close', () => this.dangling.delete(near));
      this.impostor(near);
      return;
    }
    if (this.refusing || !this.target) {
      reset(near);
      return;
    }
    const far = createConnection({ ...this.target, allowHalfOpen: true, noDelay: true });
    far.on('error', () => far.destroy());
    const link: Link = { near, far, dueAt: { up: 0, down: 0 } };
    this.links.add(link);
    this.join(link, 'up', near, far);
    this.join(link, 'down', far, near);
    this.regulate(link);
  }

  private join(link: Link, direction: Direction, from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (this.tap?.(direction, chunk, link) === false) return;
      this.later(link, direction, () => {
        if (!to.destroyed && !to.writableEnded && !to.write(chunk)) this.holdBack(link, from, to);
      });
    });
    from.on('end', () => this.later(link, direction, () => to.end()));
    from.on('close', () => {
      this.links.delete(link);
      this.later(link, direction, () => to.destroy());
    });
  }

  private holdBack(link: Link, from: Socket, to: Socket): void {
    from.pause();
    to.once('drain', () => this.regulate(link));
  }

  private later(link: Link, direction: Direction, act: () => void): void {
    const now = performance.now();
    const dueAt = Math.max(link.dueAt[direction], now + this.delayMs);
    if (this.delayMs === 0 && dueAt <= now) return act();
    link.dueAt[direction] = dueAt;
    setTimeout(act, dueAt - now).unref();
  }

  private regulate({ near, far }: Link): void {
    if (this.blocked.has('up')) near.pause();
    else near.resume();
    if (this.blocked.has('down')) far.pause();
    else far.resume();
  }
}
