/** Times and sizes of the CometD server. */
export interface CometLimits {
  /** How long a `/meta/connect` is held when there is nothing to say. */
  timeoutMs: number;
  /** A session without a `/meta/connect` for so long is forgotten. */
  maxIntervalMs: number;
  sessions: number;
  /** Half of all by default: one caller leaves room for the others. */
  sessionsPerKey: number;
  sessionsPerUser: number;
  /** Open WebSockets, with or without a session. */
  sockets: number;
  /** Open WebSockets that have not shaken hands. */
  strangers: number;
  /** Between two pings of a WebSocket; one that answers nothing until the next is cut. */
  pingMs: number;
  /** Messages, and their bytes, that may wait for one session. */
  queue: number;
  queueBytes: number;
  /** Largest request body, and largest WebSocket message. */
  bodyBytes: number;
  /** Bytes handed to one WebSocket and not taken by its client: beyond it, the client does not read. */
  socketBytes: number;
}

/** Injection token of the one `CometLimits`. */
export const COMET_LIMITS = Symbol('COMET_LIMITS');

/** 30 s and 10 s are the defaults of CometD's own server, which clients' network timeouts are made for. */
export const DEFAULT_COMET_LIMITS: CometLimits = {
  timeoutMs: 30_000,
  maxIntervalMs: 10_000,
  sessions: 10_000,
  sessionsPerKey: 5_000,
  sessionsPerUser: 10,
  sockets: 11_000,
  strangers: 1_000,
  pingMs: 30_000,
  queue: 1_000,
  queueBytes: 4 * 1024 * 1024,
  bodyBytes: 64 * 1024,
  socketBytes: 4 * 1024 * 1024,
};
