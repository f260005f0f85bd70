import { isAxiosError } from 'axios';
import type { AxiosInstance, AxiosResponse } from 'axios';

export interface HttpQuestion {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** Whole exchange, from connecting to the body's last byte, in milliseconds. */
  timeoutMs: number;
  /** Most bytes of answer that are read, after decompression. */
  maxBytes: number;
  /** Gives the exchange up from outside. */
  signal?: AbortSignal | undefined;
}

/** Whatever the server answered, of any status. */
export interface HttpAnswer {
  status: number;
  /** The named header as text; names in any case. */
  header(name: string): string | undefined;
  body: string;
}

export type HttpFailureKind = 'not-sent' | 'timeout' | 'too-large' | 'aborted' | 'connection';

/**
 * An exchange that ended without an answer. Carries nothing of the request: axios hangs the whole of it on its errors,
 * Authorization header and body included.
 */
export class HttpFailure extends Error {
  /**
   * @param kind `not-sent`: no connection came about, so that the server cannot have acted on the request.
   * @param code Node.js' or axios' code, e.g. `ECONNRESET`.
   */
  constructor(
    readonly kind: HttpFailureKind,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'HttpFailure';
  }
}

/** Failures of name look-up and connecting: nothing of the request has left. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * Sends one request and reads the whole answer, whatever its status.
 *
 * Follows no redirect: axios would carry the Authorization header along, and neither Genesys API redirects. Uses no proxy
 * from the environment: `GENESYS_LOGIN_URL` and `GENESYS_API_URL` are the way through a proxy, one that everybody sees
 * in the configuration; the WebSocket would not take a proxy from the environment, so that half of the traffic would.
 *
 * @throws HttpFailure when there is no answer.
 */
export async function exchange(axios: AxiosInstance, question: HttpQuestion): Promise<HttpAnswer> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), question.timeoutMs);
  const signal = question.signal ? AbortSignal.any([question.signal, deadline.signal]) : deadline.signal;
  try {
    const response = await axios.request<unknown>({
      method: question.method,
      url: question.url,
      headers: question.headers,
      ...(question.body === undefined ? {} : { data: question.body }),
      signal,
      maxContentLength: question.maxBytes,
      maxRedirects: 0,
      proxy: false,
      responseType: 'text',
      // The caller parses, so that a body that is not JSON is the caller's error to word.
      transformResponse: (body: unknown) => body,
      validateStatus: () => true,
    });
    return answerOf(response);
  } catch (error) {
    throw failureOf(error, question, deadline.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
}

function answerOf(response: AxiosResponse<unknown>): HttpAnswer {
  const headers = response.headers as Record<string, unknown>;
  return {
    status: response.status,
    header: (name) => {
      const value = headers[name.toLowerCase()];
      return typeof value === 'string' ? value : undefined;
    },
    body: typeof response.data === 'string' ? response.data : '',
  };
}

function failureOf(error: unknown, question: HttpQuestion, late: boolean): HttpFailure {
  const code = isAxiosError(error) && error.code !== undefined ? error.code : 'UNKNOWN';
  if (question.signal?.aborted) return new HttpFailure('aborted', 'ABORTED', 'given up by the caller');
  if (late) return new HttpFailure('timeout', 'ETIMEDOUT', `no whole answer within ${question.timeoutMs} ms`);
  if (isAxiosError(error) && error.message.includes('maxContentLength')) {
    return new HttpFailure('too-large', code, `answer larger than ${question.maxBytes} bytes`);
  }
  const { host } = new URL(question.url);
  if (NOT_SENT.has(code)) return new HttpFailure('not-sent', code, `no connection to ${host} (${code})`);
  return new HttpFailure('connection', code, `connection to ${host} failed (${code})`);
}
