import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Pool } from 'undici';
import { secretsOfQuery } from '../common/url-secrets.js';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import type { SendOutcome } from '../delivery/sink.js';
import { Exchange } from './exchange.js';

/** Below the 5 s after which Node.js servers close an idle connection: a request must not meet the close. */
const KEEP_ALIVE_MS = 4_000;

export interface HistoryRequest {
  /** The record's id. */
  idempotencyKey: string;
  /** The caller's, else the interaction's id: what BOFE, our logs and the history service have in common. */
  correlationId: string;
  body: string;
}

/** The client of the communication history. */
@Injectable()
export class HistoryClient implements OnApplicationShutdown {
  private readonly pool: Pool;
  private readonly path: string;
  /** The same for every request. */
  private readonly headers: readonly string[];
  /** What an answer may echo: the token, and what stands in the query of the URL. */
  private readonly secrets: readonly string[];
  /** What ends when a signal is aborted: one listener for all of its requests. */
  private readonly underWay = new WeakMap<AbortSignal, Set<Exchange>>();

  constructor(@Inject(CONFIG) private readonly config: Pick<Config, 'history'>) {
    const { url, token, concurrency, timeoutMs } = config.history;
    const target = new URL(url);
    this.path = target.pathname + target.search;
    const authorization = token === undefined ? [] : ['authorization', `Bearer ${token}`];
    this.secrets = [...(token === undefined ? [] : [token]), ...secretsOfQuery(target)];
    this.headers = ['content-type', 'application/json', ...authorization];
    this.pool = new Pool(target.origin, {
      connections: concurrency,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { timeout: timeoutMs },
      // One deadline covers the whole request; see post().
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: -1,
    });
  }

  /**
   * One attempt; never rejects. The deadline covers everything from the connection to the end of the answer. An answer
   * that breaks off counts as none, even after a 200: the key makes asking again harmless.
   */
  async post(request: HistoryRequest, signal: AbortSignal): Promise<SendOutcome> {
    return new Promise((resolve) => {
      const together = this.underWayUntil(signal);
      const exchange = new Exchange((outcome) => {
        clearTimeout(deadline);
        together.delete(exchange);
        resolve(outcome);
      }, this.secrets);
      const deadline = setTimeout(() => exchange.giveUp(this.timedOut()), this.config.history.timeoutMs);
      together.add(exchange);
      if (signal.aborted) return exchange.giveUp(this.timedOut());
      const { idempotencyKey, correlationId, body } = request;
      const headers = [...this.headers, 'idempotency-key', idempotencyKey, 'x-correlation-id', correlationId];
      this.pool.dispatch({ method: 'POST', path: this.path, headers, body }, exchange);
    });
  }

  /** Ends all connections; to be called when nothing is under way any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.pool.destroy();
  }

  private underWayUntil(signal: AbortSignal): Set<Exchange> {
    const known = this.underWay.get(signal);
    if (known) return known;
    const exchanges = new Set<Exchange>();
    this.underWay.set(signal, exchanges);
    const endAll = (): void => exchanges.forEach((exchange) => exchange.giveUp(this.timedOut()));
    signal.addEventListener('abort', endAll, { once: true });
    return exchanges;
  }

  private timedOut(): SendOutcome {
    const message = `the history service did not answer within ${this.config.history.timeoutMs} ms`;
    return { kind: 'retry', code: 'history.timeout', message };
  }
}
