import type { ProviderAnswer, ProviderHttp } from './provider-http.js';
import { networkCode } from './provider-attempt.js';
import { ProviderTokenError } from './provider-token.js';
import type { ProviderTokenGrant } from './provider-token.js';

/** Replaced ahead of its end, so that no request arrives with a token that has ended on the way. */
const AHEAD_MS = 60_000;
/** Used when the answer names no life, which RFC 6749 §5.1 allows. */
const DEFAULT_LIFE_S = 3_600;
/** Credentials that are refused stay so until somebody corrects them. */
const REFUSED_MS = 60_000;

/**
 * Asks a token endpoint (RFC 6749) once.
 *
 * @param service for messages
 * @param form the grant with its credentials, which appear nowhere else
 * @throws ProviderTokenError
 */
export async function requestProviderToken(
  http: ProviderHttp,
  service: string,
  url: string,
  form: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ProviderTokenGrant> {
  const { host } = new URL(url);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  let answer: ProviderAnswer;
  try {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const body = new URLSearchParams(form).toString();
    answer = await http.post({ url: new URL(url), headers, body, secrets: Object.values(form) }, deadline.signal);
  } catch (error) {
    const reason = deadline.signal.aborted ? `no answer within ${String(timeoutMs)} ms` : networkCode(error);
    if (reason === undefined) throw error;
    throw new ProviderTokenError(`no token for ${service}: ${host}: ${reason}`);
  } finally {
    clearTimeout(timer);
  }
  return granted(answer, `no token for ${service}: ${host} answered ${String(answer.status)}`);
}

function granted({ status, json, retryAfterMs }: ProviderAnswer, problem: string): ProviderTokenGrant {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const { access_token: value, expires_in: life, error } = fields;
  if (status === 200 && typeof value === 'string' && /^[\x21-\x7e]{1,8192}$/.test(value)) {
    const named = Number(life);
    const lifeMs = (named > 0 ? named : DEFAULT_LIFE_S) * 1_000;
    // A token of less than two minutes is used for half of its life.
    return { value, lifeMs: Math.max(lifeMs / 2, lifeMs - AHEAD_MS) };
  }
  const word = typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? ` ${error}` : '';
  const refused = status >= 400 && status < 500 && status !== 429 && status !== 408;
  const waitMs = retryAfterMs ?? (refused ? REFUSED_MS : undefined);
  throw new ProviderTokenError(`${problem}${word}`, { retryAfterMs: waitMs });
}
