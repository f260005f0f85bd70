import { createParser } from 'eventsource-parser';
import { retryAfterMs } from '../../src/common/retry-after.js';

export interface StreamEvent {
  event: string;
  /** Parsed; undefined when it is no JSON. */
  data: unknown;
}

/** The gateway answered, and not with a stream. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';

  constructor(
    readonly status: number,
    message: string,
    readonly retryAfterMs: number | undefined,
  ) {
    super(message);
  }

  /** Whether the same request may work later. */
  get passes(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** The gateway sends a comment every 15 s: three in a row that do not come mean that the connection is dead. */
const SILENCE_MS = 45_000;
const MAX_ERROR_LENGTH = 4_000;
/** Far more than one event has. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

interface Listener {
  opened(): void;
  event(event: StreamEvent): void;
}

/**
 * Reads one connection to its end.
 * @throws RefusedError, or the network's error; resolves when the gateway ended the stream
 */
export async function readStream(
  url: URL,
  key: string | undefined,
  signal: AbortSignal,
  listener: Listener,
): Promise<void> {
  const silent = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(new Error('nothing came for 45 s')), SILENCE_MS);
  };
  heard();
  try {
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', ...(key === undefined ? {} : { 'x-api-key': key }) },
      signal: AbortSignal.any([signal, silent.signal]),
      redirect: 'error',
    });
    if (response.status !== 200 || !response.body) throw await refusal(response);
    listener.opened();
    const parser = createParser({
      maxBufferSize: MAX_EVENT_LENGTH,
      onEvent: ({ event = 'message', data }) => listener.event({ event, data: jsonOf(data) }),
    });
    const decoder = new TextDecoder();
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      heard();
      parser.feed(decoder.decode(chunk, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
  }
}

async function refusal(response: Response): Promise<RefusedError> {
  const text = (await response.text()).slice(0, MAX_ERROR_LENGTH);
  const body = jsonOf(text) as { message?: unknown } | undefined;
  const said = typeof body?.message === 'string' ? body.message : `It answered ${response.status}.`;
  return new RefusedError(response.status, said, retryAfterMs(response.headers.get('retry-after') ?? undefined));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
