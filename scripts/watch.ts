import '../src/require-node.js';
import { setTimeout as delay } from 'node:timers/promises';
import { eventLine, safe } from './watch/event-line.js';
import { HELP, parseOptions, UsageError, type WatchOptions } from './watch/options.js';
import { readStream, RefusedError, type StreamEvent } from './watch/sse-connection.js';

/** Waits between connections: 1, 2, 4 … 30 s, and up to half a second more so that many do not come at once. */
const RETRY = { baseMs: 1_000, capMs: 30_000, jitterMs: 500 };

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ending.abort());
  // The reader of a pipe has gone, as `| head` does.
  process.stdout.on('error', () => ending.abort());
  return follow(options, ending.signal);
}

async function follow(options: WatchOptions, signal: AbortSignal): Promise<number> {
  let failures = 0;
  let connectedOnce = false;
  const opened = (): void => {
    note(
      connectedOnce ? 'connected again; what happened meanwhile is not repeated' : `following ${options.url.origin}`,
    );
    connectedOnce = true;
    failures = 0;
  };
  while (!signal.aborted) {
    let why = 'the gateway ended the stream';
    let askedMs = 0;
    try {
      await readStream(options.url, options.key, signal, { opened, event: (event) => print(event, options.json) });
    } catch (error) {
      if (signal.aborted) break;
      if (error instanceof RefusedError ? !error.passes : !connectedOnce) return fail(error, options);
      why = causeOf(error);
      if (error instanceof RefusedError) askedMs = error.retryAfterMs ?? 0;
    }
    if (signal.aborted) break;
    const waitMs = Math.max(askedMs, Math.min(RETRY.capMs, RETRY.baseMs * 2 ** Math.min(failures++, 10)));
    note(`${why}; connecting again in ${Math.round(waitMs / 1000)} s`);
    await delay(waitMs + Math.random() * RETRY.jitterMs, undefined, { signal }).catch(() => undefined);
  }
  return 0;
}

function print({ event, data }: StreamEvent, json: boolean): void {
  if (typeof data !== 'object' || data === null) return;
  const fields = data as Record<string, unknown>;
  if (event === 'error' || event.startsWith('stream.')) return note(noticeOf(event, fields));
  // `columns` is there when it is a terminal: whoever reads a pipe gets the whole line.
  process.stdout.write(`${json ? JSON.stringify(data) : eventLine(fields, process.stdout.columns)}\n`);
}

function noticeOf(event: string, { message, conversationId, eventType }: Record<string, unknown>): string {
  switch (event) {
    case 'stream.ready':
      return 'ready: from now on nothing is missed';
    case 'stream.refused':
      return `Genesys refuses ${String(eventType)} of ${String(conversationId)}: ${String(message)}`;
    default:
      return String(message);
  }
}

function fail(error: unknown, { url, key }: WatchOptions): number {
  if (!(error instanceof RefusedError)) {
    note(`There is no gateway at ${url.origin} (${causeOf(error)}).`);
    note('Start one with `npm start` (its settings: .env.example), or name the address of another with --url.');
  } else {
    note(error.message);
    if (error.status === 401) note(`${key === undefined ? 'Give' : 'Check'} the key with --key or GATEWAY_KEY.`);
    if (error.status === 400) note('See `npm run watch -- --help`.');
  }
  return 1;
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause as { code?: string; message?: string } | undefined;
  return inner?.code ?? inner?.message ?? message;
}

function note(text: string): void {
  process.stderr.write(`${safe(text)}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  note(error.message);
  note('See --help.');
  process.exitCode = 2;
}
