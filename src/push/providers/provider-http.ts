import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { AnswerStart } from '../../common/answer-start.js';
import { retryAfterMs } from '../../common/retry-after.js';

/** The reasons of errors have some hundred bytes, a Google token about one thousand. */
const MAX_ANSWER_BYTES = 16 * 1024;

export interface ProviderRequest {
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
  /** What must not be kept of an answer that echoes it: tokens, the device. */
  secrets: readonly string[];
}

export interface ProviderAnswer {
  status: number;
  header(name: string): string | undefined;
  /** The receiver's wish in milliseconds. */
  retryAfterMs?: number;
  /** The body as JSON; undefined when it broke off, is longer than 16 KiB or is no JSON. */
  json: unknown;
  /** The start of the body without the request's secrets, for operators; undefined when it is empty or broke off. */
  start: () => string | undefined;
}

export interface ProviderHttpOptions {
  /** Connections per origin; over HTTP/2 each carries many requests. */
  connections: number;
  keepAliveMs: number;
  timeoutMs: number;
  ca?: string | undefined;
  client?: { certificate: string; key: string; passphrase?: string } | undefined;
}

/**
 * Posts to a push service, over HTTP/2 where the service speaks it. undici keeps the connections: after a GOAWAY it lets the
 * requests finish that the service has taken and repeats only those that it has not, and it finds dead connections by PING.
 * Follows no redirect and uses no proxy from the environment; `url` in the settings is the way through a proxy.
 */
export class ProviderHttp {
  private readonly agent: Agent;

  constructor({ connections, keepAliveMs, timeoutMs, ca, client }: ProviderHttpOptions) {
    this.agent = new Agent({
      connections,
      allowH2: true,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      // The caller's deadline covers the whole request.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: timeoutMs,
        ...(ca === undefined ? {} : { ca }),
        ...(client && { cert: client.certificate, key: client.key, passphrase: client.passphrase }),
      },
    });
  }

  /**
   * One request. The status counts as soon as it is there: a body that then breaks off leaves `json` undefined, for a push
   * that was taken must not be repeated because of a body that nobody needs.
   *
   * @throws whatever undici throws when no status has come, or the signal's reason
   */
  async post(request: ProviderRequest, signal: AbortSignal): Promise<ProviderAnswer> {
    const answer = await this.agent.request({
      method: 'POST',
      origin: request.url.origin,
      path: request.url.pathname + request.url.search,
      headers: request.headers,
      body: request.body,
      signal,
    });
    const header = (name: string): string | undefined => firstOf(answer.headers[name]);
    const wish = retryAfterMs(header('retry-after'));
    const { start, json } = await read(answer.body);
    return {
      status: answer.statusCode,
      header,
      ...(wish === undefined ? {} : { retryAfterMs: wish }),
      json,
      start: () => start.text(request.secrets),
    };
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

async function read(body: Dispatcher.ResponseData['body']): Promise<{ start: AnswerStart; json: unknown }> {
  const start = new AnswerStart();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      start.add(chunk);
      length += chunk.length;
      // Leaving the loop destroys the body, and with it the stream.
      if (length > MAX_ANSWER_BYTES) return { start, json: undefined };
      chunks.push(chunk);
    }
  } catch {
    // Broken off, perhaps in the middle of a secret: the status alone has to tell what happened.
    return { start: new AnswerStart(), json: undefined };
  }
  return { start, json: parsed(Buffer.concat(chunks).toString('utf8')) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
