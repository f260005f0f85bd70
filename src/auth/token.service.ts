import { setTimeout as sleep } from 'node:timers/promises';
import { HttpService } from '@nestjs/axios';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { backoffDelay } from '../common/backoff.js';
import { BackgroundTasks } from '../common/background-tasks.js';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { AssertionError, TokenRefusedError, TokenUnavailableError } from './auth.errors.js';
import type { TokenError } from './auth.errors.js';
import { assertionSource } from './saml/assertion-sources.js';
import { TokenEndpoint, tokenUrl } from './token-endpoint.js';
import { requestToken } from './token-request.js';
import { EMPTY, refreshDelayMs, usable } from './token.state.js';
import type { TokenMemory, TokenState } from './token.state.js';

/** After a refusal nobody is asked for so long: wrong credentials stay wrong, and hammering may lock the client. */
const REFUSED_FOR_MS = 60_000;

/** After four tries in vain the next ones wait a moment, so that callers who failed together do not start them all anew. */
const UNAVAILABLE_FOR_MS = 1_000;

/** An unavailable login is asked again unprompted, so that health and the first caller find a token after an outage. */
const HEAL_AFTER_MS = 30_000;

/** A token rejected within its first 30 s was bad from the start; from the second in a row on, the next is waited for. */
const YOUNG_MS = 30_000;
const YOUNG_BACKOFF = { baseMs: 1_000, capMs: 30_000 };

/** setTimeout fires at once beyond 2^31 - 1 ms (24.8 days). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const TIMER = 'genesys-token-refresh';

/**
 * The one access token of this process at Genesys Cloud: kept, refreshed ahead of its end, and asked for once however
 * many callers need it. The token never leaves through a log, a message or a metric.
 */
@Injectable()
export class TokenService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log: Log;
  private readonly endpoint: TokenEndpoint;
  private readonly tasks: BackgroundTasks;
  private readonly renewed = new Subject<void>();
  private readonly closing = new AbortController();
  private memory: TokenMemory = EMPTY;
  private refreshing: Promise<string> | undefined;
  private lastValue: string | undefined;
  private youngRejections = 0;

  constructor(
    http: HttpService,
    @Inject(CONFIG) config: Config,
    private readonly scheduler: SchedulerRegistry,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('auth');
    const settings = config.genesys;
    this.endpoint = new TokenEndpoint(http.axiosRef, settings, assertionSource(settings.grant, tokenUrl(settings)));
    // Every failed refresh is logged where it is remembered; what remains here is that it was nobody's call.
    this.tasks = new BackgroundTasks((error, task) => this.log.debug({ err: error }, `${task} failed`));
  }

  /** Emits when another token has replaced the one before, for those who hold something bound to it (channels). */
  get renewed$(): Observable<void> {
    return this.renewed.asObservable();
  }

  /** Asks for the first token at once, so that wrong credentials show at boot and not at the first interaction. */
  onApplicationBootstrap(): void {
    this.tasks.run('first token', () => this.token());
  }

  /** Stops the timer and gives a running request up. From then on `token()` fails. */
  async onApplicationShutdown(): Promise<void> {
    this.closing.abort();
    this.cancelTimer();
    await this.tasks.idle();
    this.renewed.complete();
  }

  /**
   * A token that has not expired, from memory or from Genesys.
   * @throws TokenRefusedError, TokenUnavailableError (with `retryAfterMs` when Genesys asked for a wait), AssertionError.
   */
  async token(): Promise<string> {
    const now = performance.now();
    const { held, failure } = this.memory;
    if (held && usable(this.memory, now)) return held.value;
    if (failure && failure.until > now) throw remembered(failure.error, failure.until - now);
    return this.refresh();
  }

  /**
   * A new token beside the one that is kept, for a connection of its own: asking for it often disturbs nobody else.
   * @throws as `token()`
   */
  async separateToken(): Promise<string> {
    const { failure } = this.memory;
    const waitMs = (failure?.until ?? 0) - performance.now();
    if (failure && waitMs > 0) throw remembered(failure.error, waitMs);
    const { signal } = this.closing;
    try {
      const { value } = await requestToken(this.endpoint, signal, (err, ms) =>
        this.log.warn({ err, waitMs: ms }, 'no separate token yet, asking again'),
      );
      this.metrics.tokenRefreshes.inc({ result: 'ok' });
      return value;
    } catch (error) {
      throw this.remember(asTokenError(error, signal));
    }
  }

  /** Genesys answered 401 to this token: forgets it, unless another has replaced it already. */
  discard(token: string): void {
    const { held } = this.memory;
    if (held?.value !== token) return;
    const ageMs = performance.now() - held.since;
    this.youngRejections = ageMs < YOUNG_MS ? this.youngRejections + 1 : 0;
    this.cancelTimer();
    this.become({ ...this.memory, held: undefined }, 'rejected by the API');
  }

  /** For health: nothing secret. */
  state(): TokenState {
    const { held, failure, lastError } = this.memory;
    const valid = usable(this.memory, performance.now());
    const status = valid ? 'valid' : (failure?.status ?? 'none');
    return { status, ...(valid && held ? { expiresAt: held.expiresAt } : {}), ...(lastError ? { lastError } : {}) };
  }

  /** One request at a time; whoever asks meanwhile gets its result. */
  private refresh(): Promise<string> {
    this.refreshing ??= this.obtain().finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }

  private async obtain(): Promise<string> {
    this.cancelTimer();
    const { signal } = this.closing;
    try {
      if (this.youngRejections > 1)
        await sleep(backoffDelay(YOUNG_BACKOFF, this.youngRejections - 2), undefined, { signal });
      const granted = await requestToken(this.endpoint, signal, (error, waitMs) =>
        this.log.warn({ err: error, waitMs }, 'no token yet, asking again'),
      );
      return this.keep(granted.value, granted.expiresInS * 1_000);
    } catch (error) {
      throw this.remember(asTokenError(error, signal));
    }
  }

  private keep(value: string, lifeMs: number): string {
    const now = performance.now();
    const replaced = this.lastValue !== undefined && this.lastValue !== value;
    this.lastValue = value;
    this.metrics.tokenRefreshes.inc({ result: 'ok' });
    this.become({ held: { value, since: now, until: now + lifeMs, expiresAt: Date.now() + lifeMs } }, 'granted');
    this.refreshIn(refreshDelayMs(lifeMs));
    if (replaced) this.renewed.next();
    return value;
  }

  private remember(error: TokenError): TokenError {
    if (this.closing.signal.aborted) return error;
    const refused = error instanceof TokenRefusedError;
    const waitMs = refused ? REFUSED_FOR_MS : Math.max(UNAVAILABLE_FOR_MS, retryAfter(error));
    const status = refused ? 'refused' : 'unavailable';
    this.metrics.tokenRefreshes.inc({ result: status });
    this.log.error({ err: error, waitMs }, `no token: ${status}`);
    const lastError = { code: error.code, message: error.message, at: Date.now() };
    this.become({ ...this.memory, failure: { error, status, until: performance.now() + waitMs }, lastError }, status);
    // Without a token to save, refused credentials are only tried again when somebody needs them.
    if (!refused || this.memory.held) this.refreshIn(Math.max(waitMs, HEAL_AFTER_MS));
    return error;
  }

  /** The one setter. */
  private become(memory: TokenMemory, reason: string): void {
    const before = this.state().status;
    this.memory = memory;
    const { status, expiresAt } = this.state();
    this.log[before === status && reason !== 'granted' ? 'debug' : 'info'](
      { before, status, reason, ...(expiresAt ? { expiresAt: new Date(expiresAt).toISOString() } : {}) },
      'token',
    );
  }

  private refreshIn(delayMs: number): void {
    this.cancelTimer();
    if (this.closing.signal.aborted) return;
    const delay = Math.min(Math.max(delayMs, 1_000), LONGEST_TIMER_MS);
    this.scheduler.addTimeout(
      TIMER,
      setTimeout(() => this.tasks.run('refresh ahead', () => this.refresh()), delay),
    );
  }

  private cancelTimer(): void {
    if (this.scheduler.doesExist('timeout', TIMER)) this.scheduler.deleteTimeout(TIMER);
  }
}

function retryAfter(error: TokenError): number {
  return error instanceof TokenUnavailableError ? (error.retryAfterMs ?? 0) : 0;
}

/** The same failure for a later caller, with the wait that is left of it. */
function remembered(error: TokenError, leftMs: number): TokenError {
  if (!(error instanceof TokenUnavailableError) || error.retryAfterMs === undefined) return error;
  return new TokenUnavailableError(error.message, { retryAfterMs: leftMs, passing: error.passing, cause: error.cause });
}

function asTokenError(error: unknown, closing: AbortSignal): TokenError {
  if (closing.aborted) return new TokenUnavailableError('No token: the gateway is shutting down.');
  if (error instanceof TokenRefusedError || error instanceof TokenUnavailableError || error instanceof AssertionError)
    return error;
  return new TokenUnavailableError('No token: unexpected failure.', { cause: error });
}
