import { GatewayError } from '../../common/errors.js';

/** After a failure nobody is asked for so long: callers that failed together must not ask one after the other. */
const FAILED_FOR_MS = 5_000;

/** There is no access token for a push service. The message holds nothing of the credentials. */
export class ProviderTokenError extends GatewayError {
  readonly code = 'push.provider-token';
  readonly retryAfterMs: number;

  constructor(message: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(message, options);
    this.retryAfterMs = Math.max(options.retryAfterMs ?? 0, FAILED_FOR_MS);
  }
}

export interface ProviderTokenGrant {
  value: string;
  /** From now until it has to be replaced. */
  lifeMs: number;
}

/**
 * The one access token for one app at one push service: kept until it ends, asked for once however many need it, and
 * replaced after a rejection at most once per `renewEveryMs`, so that rejections cannot turn into a storm of requests.
 */
export class ProviderToken {
  private held: { value: string; endsAt: number } | undefined;
  private failure: { error: ProviderTokenError; until: number } | undefined;
  private asking: Promise<string> | undefined;
  private replacedAt = -Infinity;
  private asked = 0;

  /** @param grant obtains a token within a deadline of its own; @throws ProviderTokenError */
  constructor(
    private readonly grant: () => Promise<ProviderTokenGrant>,
    private readonly renewEveryMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws ProviderTokenError; the signal's reason when the caller cannot wait any longer */
  async get(signal: AbortSignal): Promise<string> {
    const now = this.now();
    if (this.held && now < this.held.endsAt) return this.held.value;
    if (this.failure && now < this.failure.until) throw this.failure.error;
    this.asking ??= this.obtain().finally(() => (this.asking = undefined));
    return untilAborted(this.asking, signal);
  }

  /**
   * The service has rejected this token: forgets it, unless another has replaced it already.
   * @returns milliseconds that a new one has to wait, 0 when `get` gives another one now
   */
  discard(value: string): number {
    if (this.held?.value !== value) return 0;
    const waitMs = this.replacedAt + this.renewEveryMs - this.now();
    if (waitMs > 0) return waitMs;
    this.held = undefined;
    return 0;
  }

  private async obtain(): Promise<string> {
    try {
      const { value, lifeMs } = await this.grant();
      const now = this.now();
      // The first replaces none: it may be followed by another at once.
      if (this.asked++ > 0) this.replacedAt = now;
      this.held = { value, endsAt: now + lifeMs };
      this.failure = undefined;
      return value;
    } catch (error) {
      if (error instanceof ProviderTokenError) this.failure = { error, until: this.now() + error.retryAfterMs };
      throw error;
    }
  }
}

/** The shared request goes on when one who waits for it gives up. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason as it is, like fetch does
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (abort) signal.removeEventListener('abort', abort);
  }
}
