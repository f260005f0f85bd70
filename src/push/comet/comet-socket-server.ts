import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type WebSocket, WebSocketServer } from 'ws';
import { ForbiddenError, UnauthenticatedError } from '../../access/access.errors.js';
import { ApiKeys, keyIn } from '../../access/api-keys.service.js';
import type { Caller } from '../../access/caller.js';
import { GatewayError } from '../../common/errors.js';
import { bodyOf } from '../../http/error-body.js';
import { Deadline } from '../../lifecycle/deadline.js';
import { ShutdownInProgressError } from '../../lifecycle/request-gate.js';
import { ShutdownService } from '../../lifecycle/shutdown.service.js';
import { Logs } from '../../telemetry/logs.js';
import type { Log } from '../../telemetry/logs.js';
import { BayeuxServer, COMET_ROLES } from './bayeux-server.js';
import { COMET_LIMITS } from './comet-limits.js';
import type { CometLimits } from './comet-limits.js';
import { CometSessions } from './comet-sessions.service.js';
import { CLOSE_WAIT_MS, CometSocket, GOING_AWAY } from './comet-socket.js';
import { gmsUserIn } from './gms-user.js';

const PATH = /^\/genesys\/cometd\/?(?:\?|$)/;

class TooManySocketsError extends GatewayError {
  override readonly code = 'comet.too-many-sockets';
  override readonly status = 503;

  constructor(limit: number, which: string) {
    super(`This instance has ${String(limit)} WebSockets open${which}, the limit; try again later.`);
  }
}

/** Takes WebSockets at `/genesys/cometd` on the gateway's own HTTP server, and ends every CometD session at shutdown. */
@Injectable()
export class CometSocketServer implements OnModuleInit {
  private readonly sockets: WebSocketServer;
  private readonly log: Log;
  /** Sockets that have not shaken hands. */
  private readonly strangers = new Set<WebSocket>();

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly server: BayeuxServer,
    private readonly sessions: CometSessions,
    private readonly keys: ApiKeys,
    private readonly shutdown: ShutdownService,
    @Inject(COMET_LIMITS) private readonly limits: CometLimits,
    logs: Logs,
  ) {
    this.log = logs.of('comet');
    this.sockets = new WebSocketServer({ noServer: true, maxPayload: limits.bodyBytes, perMessageDeflate: false });
  }

  onModuleInit(): void {
    const http = this.host.httpAdapter.getHttpServer() as Server;
    // Without this, requests that only offer another protocol (Java's HttpClient sends `Upgrade: h2c` with each) would
    // become upgrades too, instead of ordinary requests.
    Object.assign(http, { shouldUpgradeCallback: isForUs });
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.upgrade(request, socket, head);
    });
    // Together with the requests: a held `/meta/connect` is one of those that the shutdown waits for.
    this.shutdown.register('intake', 'comet sessions', (deadline) => this.stop(deadline));
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      if (this.shutdown.state !== 'running') throw new ShutdownInProgressError();
      if (this.sockets.clients.size >= this.limits.sockets) throw new TooManySocketsError(this.limits.sockets, '');
      if (this.strangers.size >= this.limits.strangers) {
        throw new TooManySocketsError(this.limits.strangers, ' that have not shaken hands');
      }
      const from = { caller: this.callerOf(request), user: gmsUserIn(request.headers) };
      this.sockets.handleUpgrade(request, socket, head, (accepted) => {
        this.strangers.add(accepted);
        new CometSocket(accepted, from, this.server, this.limits, this.log, () => this.strangers.delete(accepted));
      });
    } catch (refused) {
      refuseUpgrade(socket, refused);
    }
  }

  /** Undefined when no key came: browsers cannot send headers with a WebSocket, and give the key in the handshake. */
  private callerOf({ headers }: IncomingMessage): Caller | undefined {
    const key = keyIn(headers);
    const caller = this.keys.callerOf(key);
    if (!caller && key !== undefined) throw new UnauthenticatedError(true);
    if (caller && !COMET_ROLES.some((role) => caller.roles.includes(role))) {
      throw new ForbiddenError(caller.name, caller.roles, COMET_ROLES);
    }
    return caller;
  }

  /** Clients are told to shake hands again; those that do not close their socket in time are cut. */
  private async stop(deadline: Deadline): Promise<void> {
    this.sessions.close();
    // The answers to held connects are written when this turn is over.
    await new Promise(setImmediate);
    const open = [...this.sockets.clients];
    const closed = Promise.all(open.map((socket) => new Promise((done) => socket.once('close', done))));
    for (const socket of open) socket.close(GOING_AWAY, 'shutdown');
    const inTime = await Deadline.in(Math.min(CLOSE_WAIT_MS, deadline.remainingMs())).meets(closed);
    if (!inTime) for (const socket of open) socket.terminate();
  }
}

function isForUs({ url, headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && PATH.test(url ?? '');
}

function refuseUpgrade(socket: Duplex, refused: unknown): void {
  const body = bodyOf(refused);
  const text = JSON.stringify(body);
  // The other end may be gone already, which is all the same now.
  socket.on('error', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${String(body.statusCode)} ${STATUS_CODES[body.statusCode] ?? 'Error'}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${String(Buffer.byteLength(text))}`,
      ...(body.statusCode === 401 ? ['WWW-Authenticate: Bearer'] : []),
      'Connection: close',
      '',
      text,
    ].join('\r\n'),
  );
}
