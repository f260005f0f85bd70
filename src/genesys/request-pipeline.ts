import { setTimeout as sleep } from 'node:timers/promises';
import type { AxiosInstance } from 'axios';
import { HourlyTally } from '../common/hourly-tally.js';
import type { TokenService } from '../auth/token.service.js';
import { backoffDelay } from '../common/backoff.js';
import { exchange, HttpFailure } from '../common/http-exchange.js';
import type { HttpAnswer, HttpQuestion } from '../common/http-exchange.js';
import { retryAfterMs } from '../common/retry-after.js';
import { shortHash } from '../common/short-hash.js';
import type { Config } from '../config/config.js';
import type { Log } from '../telemetry/logs.js';
import type { Metrics } from '../telemetry/metrics.js';
import { correlationOf, errorOf } from './error-body.js';
import {
  GenesysAnswerTooLargeError,
  GenesysRateLimitError,
  GenesysRequestError,
  GenesysUnreachableError,
} from './genesys.errors.js';
import type { RequestPriority } from './genesys.types.js';
import type { RequestBudget } from './request-budget.js';

/** All that a request needs of a token. */
export type TokenSource = Pick<TokenService, 'token' | 'discard'>;

export interface GenesysCall {
  /** Short name, for logs and metrics: never anything of the request. */
  operation: string;
  method: HttpQuestion['method'];
  /** Path and query below `https://api.{env}`. */
  path: string;
  body?: unknown;
  priority: RequestPriority;
  /**
   * `idempotent`: again after any failure that may pass. `once`: again only when Genesys cannot have acted on it.
   */
  repeat: 'idempotent' | 'once';
  /** How often it is sent in all, where it may be repeated. */
  tries: number;
  maxBytes: number;
  /** The channel this is about; 404 then means that it is gone. */
  channelId?: string;
  /** Statuses besides 2xx that the caller understands. */
  accept?: readonly number[];
  signal?: AbortSignal | undefined;
  /** Called right before each sending: what it throws keeps the request from going out. */
  check?: (() => void) | undefined;
}

const BACKOFF = { baseMs: 500, capMs: 4_000 };

/** Longest wait named by Genesys that is slept through; a longer one is the caller's to know about. */
const LONGEST_SLEEP_MS = 60_000;

/** A 429 without `Retry-After`: what the official .NET SDK waits (docs/wire-facts.md §6.2). */
const DEFAULT_PAUSE_MS = 3_000;

/** `Retry-After` is rounded to whole seconds (docs/wire-facts.md §6.1): up to one second is added, at random. */
const ROUNDING_MS = 1_000;

/**
 * A `Date` further from our clock is not believed: clocks are minutes apart, or hours where one was set to another time zone's,
 * and what is further away comes from a cache or a proxy. It would make old work of a conversation count as new.
 */
const MOST_CLOCK_OFFSET_MS = 3 * 60 * 60_000;

const PASSING = [408, 500, 502, 503, 504];

/** What a request goes through: token → budget → call → once more with a new token after a 401 → again after a passing failure. */
export class RequestPipeline {
  /** How far Genesys' wall clock is from ours, by the `Date` of its latest answer that can be right. */
  clockOffsetMs: number | undefined;
  /** What was sent in the last 24 hours, by operation. */
  readonly sent = new HourlyTally();

  constructor(
    private readonly axios: AxiosInstance,
    private readonly settings: Config['genesys'],
    private readonly tokens: TokenSource,
    private readonly budget: RequestBudget,
    private readonly metrics: Metrics,
    private readonly log: Log,
    private readonly closing: AbortSignal,
  ) {}

  /**
   * The answer, with a status of 2xx or one that the call accepts.
   * @throws GenesysRequestError and its subclasses, GenesysRateLimitError, GenesysUnreachableError, GenesysAnswerTooLargeError, what
   * `TokenService.token` throws, and the signal's reason when the caller gives up.
   */
  async request(call: GenesysCall): Promise<HttpAnswer> {
    const signal = call.signal ? AbortSignal.any([call.signal, this.closing]) : this.closing;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.attempt(call, signal);
      if ('answer' in outcome) return outcome.answer;
      const last = attempt + 1 >= call.tries || !outcome.repeat || (outcome.afterMs ?? 0) > LONGEST_SLEEP_MS;
      this.logFailure(call, outcome.error, attempt + 1, last);
      if (last) throw outcome.error;
      await sleep(outcome.afterMs ?? backoffDelay(BACKOFF, attempt), undefined, { signal });
    }
  }

  private async attempt(call: GenesysCall, signal: AbortSignal): Promise<Outcome> {
    try {
      const answer = await this.authorized(call, signal);
      if (isSuccess(answer, call)) return { answer };
      if (answer.status === 429) return this.limited(call, answer);
      return {
        error: errorOf(answer, call.operation, call.channelId),
        repeat: mayRepeat(call, answer.status),
        afterMs: afterMs(answer),
      };
    } catch (error) {
      if (signal.aborted) throw this.givenUp(call, signal);
      if (!(error instanceof HttpFailure)) throw error;
      const message = `No answer from Genesys to ${call.operation}: ${error.message}.`;
      if (error.kind === 'too-large')
        return { error: new GenesysAnswerTooLargeError(message, { cause: error }), repeat: false };
      const repeat = call.repeat === 'idempotent' || error.kind === 'not-sent';
      return { error: new GenesysUnreachableError(message, { cause: error }), repeat };
    }
  }

  private async authorized(call: GenesysCall, signal: AbortSignal): Promise<HttpAnswer> {
    const first = await this.send(call, signal);
    if (first.answer.status !== 401) return first.answer;
    this.tokens.discard(first.token);
    return (await this.send(call, signal)).answer;
  }

  private async send(call: GenesysCall, signal: AbortSignal): Promise<{ token: string; answer: HttpAnswer }> {
    // Before the budget, so that callers who wait for a token hold no place in a minute that passes without requests;
    // and after it, because the token may have been replaced while we waited for our turn.
    await unlessAborted(this.tokens.token(), signal);
    await this.budget.acquire(call.priority, signal);
    const token = await unlessAborted(this.tokens.token(), signal);
    call.check?.();
    this.sent.add(call.operation);
    const status = (value: string): void =>
      this.metrics.genesysRequests.inc({ operation: call.operation, status: value });
    try {
      const answer = await exchange(this.axios, this.question(call, token, signal));
      status(String(answer.status));
      this.readClock(answer);
      this.log.debug(
        { operation: call.operation, status: answer.status, correlationId: correlationOf(answer), ...channelOf(call) },
        'request',
      );
      return { token, answer };
    } catch (error) {
      status(error instanceof HttpFailure ? error.kind : 'error');
      throw error;
    }
  }

  private readClock(answer: HttpAnswer): void {
    const at = Date.parse(answer.header('date') ?? '');
    const offsetMs = at - Date.now();
    if (Math.abs(offsetMs) <= MOST_CLOCK_OFFSET_MS) this.clockOffsetMs = offsetMs;
  }

  private question(call: GenesysCall, token: string, signal: AbortSignal): HttpQuestion {
    return {
      method: call.method,
      url: `${this.settings.apiUrl.replace(/\/+$/, '')}${call.path}`,
      headers: {
        Authorization: `Bearer ${token}`,
        Accept: 'application/json',
        // The official SDK sends it on every request; without it axios would call an empty POST a form.
        'Content-Type': 'application/json',
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      timeoutMs: this.settings.timeoutMs,
      maxBytes: call.maxBytes,
      signal,
    };
  }

  /** The budget does the waiting, for every request: the limit is not this call's alone. */
  private limited(call: GenesysCall, answer: HttpAnswer): Outcome {
    const asked = afterMs(answer) ?? DEFAULT_PAUSE_MS;
    const long = asked > LONGEST_SLEEP_MS;
    this.budget.pauseFor(long ? asked : asked + Math.random() * ROUNDING_MS);
    const said = errorOf(answer, call.operation, call.channelId);
    const error = new GenesysRateLimitError(
      `${said.message} No requests for ${Math.ceil(asked / 1_000)} s.`,
      asked,
      said,
    );
    return { error, repeat: !long, afterMs: 0 };
  }

  private givenUp(call: GenesysCall, signal: AbortSignal): unknown {
    if (!this.closing.aborted) return signal.reason;
    return new GenesysUnreachableError(`${call.operation} given up: the gateway is shutting down.`);
  }

  private logFailure(call: GenesysCall, error: Error, attempt: number, last: boolean): void {
    const correlationId = error instanceof GenesysRequestError ? error.correlationId : undefined;
    const facts = { operation: call.operation, attempt, correlationId, err: error, ...channelOf(call) };
    this.log.warn(facts, last ? 'request failed' : 'request failed, trying again');
  }
}

type Outcome = { answer: HttpAnswer } | { error: Error; repeat: boolean; afterMs?: number | undefined };

function isSuccess(answer: HttpAnswer, call: GenesysCall): boolean {
  return (answer.status >= 200 && answer.status < 300) || (call.accept?.includes(answer.status) ?? false);
}

/** 503 is the one status by which a server says that it did not take the request on; after the others nobody knows. */
function mayRepeat(call: GenesysCall, status: number): boolean {
  return call.repeat === 'idempotent' ? PASSING.includes(status) : status === 503;
}

/** The wait that Genesys names: `Retry-After`, else on a 429 the time to the window's reset. */
function afterMs(answer: HttpAnswer): number | undefined {
  const named = retryAfterMs(answer.header('retry-after'));
  return named ?? (answer.status === 429 ? retryAfterMs(answer.header('inin-ratelimit-reset')) : undefined);
}

function channelOf(call: GenesysCall): { channel?: string } {
  return call.channelId === undefined ? {} : { channel: shortHash(call.channelId) };
}

/** Stops waiting for what others may still be waiting for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
