import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * A network between a client and a server on this machine, that can fail: `cut` as a server that is stopped (connections
 * end, new ones are refused), `swallow` as a firewall that drops (connections stay, nothing comes through).
 */
export class TcpProxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private state: 'sound' | 'cut' | 'swallowing' = 'sound';
  private readonly server = createServer((client) => this.accept(client));

  private constructor(private readonly target: number) {}

  /** @param target the server's port */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends all connections and those that come. */
  cut(): void {
    this.state = 'cut';
    this.endAll();
  }

  /** Takes everything and passes on nothing, on present connections and on those that come. */
  swallow(): void {
    this.state = 'swallowing';
    for (const [client, server] of this.pairs) {
      client.unpipe(server).resume();
      server.unpipe(client).resume();
    }
  }

  /** New connections work again; those that were swallowed end, as they would after a while. */
  restore(): void {
    this.endAll();
    this.state = 'sound';
  }

  async stop(): Promise<void> {
    this.endAll();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(client: Socket): void {
    client.on('error', () => client.destroy());
    if (this.state === 'cut') {
      client.destroy();
      return;
    }
    const server = createConnection(this.target, '127.0.0.1');
    const pair = [client, server] as const;
    this.pairs.add(pair);
    server.on('error', () => server.destroy());
    client.on('close', () => this.end(pair));
    server.on('close', () => this.end(pair));
    if (this.state === 'sound') {
      client.pipe(server);
      server.pipe(client);
    } else {
      client.resume();
      server.resume();
    }
  }

  private endAll(): void {
    for (const pair of this.pairs) this.end(pair);
  }

  private end(pair: readonly [Socket, Socket]): void {
    this.pairs.delete(pair);
    const [client, server] = pair;
    client.unpipe(server);
    server.unpipe(client).destroy();
    client.destroy();
  }
}
