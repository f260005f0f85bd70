import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { SimulatedClock } from '../common/clock.js';
import type { RecordedRequest } from '../common/http-server.js';
import type { Channel } from './channel.js';
import type { ChannelRegistry } from './channel-registry.js';
import { ChannelSocket } from './channel-socket.js';
import type { Faults } from './faults.js';
import type { RecordedFrame } from './genesys-events.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import { refuseUpgrade } from './refuse-upgrade.js';
import type { SocketProtocol } from './socket-protocol.js';

interface Parts {
  clock: SimulatedClock;
  channels: ChannelRegistry;
  protocol: SocketProtocol;
  faults: Faults;
  options: () => GenesysOptions;
  recordFrame(frame: RecordedFrame): void;
  recordRequest(request: RecordedRequest): void;
}

/** Upgrades `/channels/{id}` to the channel's socket. No token, no sub-protocol: the URI is the secret (docs/wire-facts.md §3.1). */
export class SocketServer {
  // 1 MiB: a thousand topics are some 80 KB.
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024, perMessageDeflate: false });
  readonly #open = new Set<ChannelSocket>();

  constructor(private readonly parts: Parts) {}

  beatEvery(ms: number): void {
    for (const socket of this.#open) socket.beatEvery(ms);
  }

  stop(): void {
    for (const socket of this.#open) socket.terminate();
    this.#sockets.close();
  }

  upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): void {
    raw.on('error', () => raw.destroy());
    const channel = this.#channelOf(request.url ?? '');
    const refusal = this.parts.faults.takeRefusedUpgrade() ?? (channel ? undefined : this.#gone());
    this.#record(request, refusal?.status ?? 101);
    if (refusal || !channel) {
      refuseUpgrade(raw, refusal ?? this.#gone());
      return;
    }
    this.#sockets.handleUpgrade(request, raw, head, (ws) => {
      const { clock } = this.parts;
      const socket: ChannelSocket = new ChannelSocket(channel.id, ws, raw, {
        clock,
        heartbeatMs: this.parts.options().heartbeatMs,
        onText: (from, text) => this.#received(channel, from, text),
        onSent: ({ channelId }, text) => this.parts.recordFrame({ at: clock.now(), channelId, direction: 'out', text }),
        onClosed: (closed, code) => {
          this.#open.delete(closed);
          this.parts.channels.detach(closed, code);
        },
      });
      this.#open.add(socket);
      this.parts.channels.attach(channel, socket);
    });
  }

  #received(channel: Channel, socket: ChannelSocket, text: string): void {
    this.parts.recordFrame({ at: this.parts.clock.now(), channelId: channel.id, direction: 'in', text });
    this.parts.protocol.answer(channel, socket, text);
  }

  #channelOf(path: string): Channel | undefined {
    const id = /^\/channels\/([^/?]+)$/.exec(path)?.[1];
    return id === undefined ? undefined : this.parts.channels.find(id);
  }

  #gone(): Refusal {
    return Refusal.withStatus(this.parts.options().goneUpgradeStatus);
  }

  #record(request: IncomingMessage, status: number): void {
    const { method = 'GET', url = '/', headers } = request;
    this.parts.recordRequest({ at: this.parts.clock.now(), method, path: url, headers, body: '', status });
  }
}
