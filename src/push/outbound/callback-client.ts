import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { AnswerStart } from '../../common/answer-start.js';
import { retryAfterMs } from '../../common/retry-after.js';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import { AddressPolicy } from './address-policy.js';
import { AddressRefusedError, guardedConnector } from './guarded-connector.js';
import { NameResolver } from './name-resolver.js';

/** Only the start of an answer is used; reading it to its end lets the connection be used again. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Below the 5 s after which Node.js servers close an idle connection: a request must not meet the close. */
const KEEP_ALIVE_MS = 4_000;
/** Beyond so many open connections none is kept after its answer: with those under way, it bounds them all. */
const MAX_KEPT = 256;

export interface CallbackRequest {
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Whose URL it is: a caller's leads to permitted addresses only, an operator's anywhere. */
  urlFrom: 'caller' | 'operator';
}

/** What came back. `message` is for operators: no payload, no secret, nothing of the URL's path. */
export type CallbackAnswer =
  | { kind: 'answered'; status: number; retryAfterMs?: number; start?: AnswerStart }
  /** The policy, or the request itself, stands against it; the next attempt would end in the same way. */
  | { kind: 'not-allowed'; code: string; message: string }
  | { kind: 'failed'; code: string; message: string };

const STOPPED: CallbackAnswer = { kind: 'failed', code: 'push.stopped', message: 'given up because of the shutdown' };

/**
 * Posts callbacks. Follows no redirect: it would carry the Authorization header, and the request itself, to where nobody has
 * judged. Takes no proxy from the environment: a proxy would resolve names by itself, out of the policy's sight.
 */
@Injectable()
export class CallbackClient implements OnApplicationShutdown {
  /** Apart from each other, so that no caller's request uses a connection that was made for an operator's. */
  private readonly agents: Readonly<Record<CallbackRequest['urlFrom'], Agent>>;
  private readonly timeoutMs: number;
  private open = 0;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'push'>,
    @Inject(AddressPolicy) policy: AddressPolicy,
    @Inject(NameResolver) names: NameResolver,
  ) {
    const { timeoutMs, concurrency } = config.push;
    this.timeoutMs = timeoutMs;
    this.agents = {
      caller: this.agent(concurrency, guardedConnector(policy, names, timeoutMs)),
      operator: this.agent(concurrency, { timeout: timeoutMs, allowH2: false }),
    };
  }

  /** Connections that are open now, under way or kept. */
  get connections(): number {
    return this.open;
  }

  /**
   * One attempt; never rejects. PUSH_TIMEOUT_MS covers everything from the name's look-up to the end of the answer. An
   * answer that breaks off counts as none.
   */
  async post(request: CallbackRequest, signal: AbortSignal): Promise<CallbackAnswer> {
    const deadline = new AbortController();
    const abort = (): void => deadline.abort();
    const timer = setTimeout(abort, this.timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const answer = await this.agents[request.urlFrom].request({
        method: 'POST',
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        headers: request.headers,
        body: request.body,
        signal: deadline.signal,
        reset: this.open >= MAX_KEPT,
      });
      const start = await startOf(answer);
      return { ...answered(answer), ...(answer.statusCode < 300 || start.empty ? {} : { start }) };
    } catch (error) {
      if (!deadline.signal.aborted) return failureOf(error);
      return isStop(signal) ? STOPPED : this.timedOut();
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends all connections; to be called when nothing is under way any more. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(Object.values(this.agents).map((agent) => agent.destroy()));
  }

  private agent(connections: number, connect: NonNullable<Agent.Options['connect']>): Agent {
    const agent = new Agent({
      connections,
      connect,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // One deadline covers the whole request; see post().
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: -1,
    });
    agent.on('connect', () => this.open++);
    agent.on('disconnect', () => this.open--);
    return agent;
  }

  private timedOut(): CallbackAnswer {
    return {
      kind: 'failed',
      code: 'push.timeout',
      message: `no whole answer within ${String(this.timeoutMs)} ms (PUSH_TIMEOUT_MS)`,
    };
  }
}

/** Callers may have deadlines of their own: those are no shutdown. */
function isStop({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof DOMException && reason.name === 'TimeoutError');
}

/** Reads to the end, or as far as is bearable. */
async function startOf({ body }: Dispatcher.ResponseData): Promise<AnswerStart> {
  const start = new AnswerStart();
  let bytes = 0;
  for await (const chunk of body) {
    start.add(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
  return start;
}

function answered({ statusCode, headers }: Dispatcher.ResponseData): CallbackAnswer {
  const header = headers['retry-after'];
  const wish = retryAfterMs(Array.isArray(header) ? header[0] : header);
  return { kind: 'answered', status: statusCode, ...(wish === undefined ? {} : { retryAfterMs: wish }) };
}

function failureOf(error: unknown): CallbackAnswer {
  if (error instanceof AddressRefusedError) {
    return { kind: 'not-allowed', code: error.code, message: error.message };
  }
  // The code (ECONNREFUSED, UND_ERR_SOCKET …) says what went wrong; the message may hold addresses only.
  const given = (error as { code?: unknown }).code;
  const code = typeof given === 'string' ? given : 'connection failed';
  if (code === 'UND_ERR_INVALID_ARG') {
    return { kind: 'not-allowed', code: 'push.request-invalid', message: 'the request cannot be sent as it is' };
  }
  return { kind: 'failed', code: 'push.unreachable', message: `the receiver cannot be reached: ${code}` };
}
