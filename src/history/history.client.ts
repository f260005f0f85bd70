import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Pool } from 'undici';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import type { SendOutcome } from '../delivery/sink.js';
import { outcomeOf } from './history.answer.js';

/** Nothing in the answer is used; reading it to its end lets the connection be used again. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Below the 5 s after which Node.js servers close an idle connection: a request must not meet the close. */
const KEEP_ALIVE_MS = 4_000;

export interface HistoryRequest {
  /** The record's id. */
  idempotencyKey: string;
  /** The interaction's id: what BOFE, our logs and the history service have in common. */
  correlationId: string;
  body: string;
}

/** The client of the communication history. */
@Injectable()
export class HistoryClient implements OnApplicationShutdown {
  private readonly pool: Pool;
  private readonly path: string;
  private readonly authorization: { authorization?: string };

  constructor(@Inject(CONFIG) private readonly config: Pick<Config, 'history'>) {
    const { url, token, concurrency, timeoutMs } = config.history;
    const target = new URL(url);
    this.path = target.pathname + target.search;
    this.authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
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
    const deadline = new AbortController();
    const abort = (): void => deadline.abort();
    const timer = setTimeout(abort, this.config.history.timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const answer = await this.pool.request({
        method: 'POST',
        path: this.path,
        headers: {
          'content-type': 'application/json',
          'idempotency-key': request.idempotencyKey,
          'x-correlation-id': request.correlationId,
          ...this.authorization,
        },
        body: request.body,
        signal: deadline.signal,
      });
      await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal: deadline.signal });
      return outcomeOf(answer.statusCode, firstOf(answer.headers['retry-after']));
    } catch (error) {
      return deadline.signal.aborted ? this.timedOut() : unreachable(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends all connections; to be called when nothing is under way any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.pool.destroy();
  }

  private timedOut(): SendOutcome {
    const message = `the history service did not answer within ${this.config.history.timeoutMs} ms`;
    return { kind: 'retry', code: 'history.timeout', message };
  }
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function unreachable(error: unknown): SendOutcome {
  // The code (ECONNREFUSED, UND_ERR_SOCKET …) says what went wrong; the message may hold addresses only.
  const code = (error as { code?: unknown }).code;
  const reason = typeof code === 'string' ? code : 'connection failed';
  return { kind: 'retry', code: 'history.unreachable', message: `the history service cannot be reached: ${reason}` };
}
