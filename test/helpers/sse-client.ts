import { once } from 'node:events';
import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';

export interface SseEvent {
  id: string | undefined;
  event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a JSON document, looked at from outside
  data: any;
}

/** A reader of server-sent events that keeps what came, and can stop reading without hanging up. */
export class SseClient {
  readonly events: SseEvent[] = [];
  readonly comments: string[] = [];
  retryMs: number | undefined;
  /** Resolves when the response is over, or was cut. */
  readonly ended: Promise<void>;
  private readonly watchers = new Set<() => void>();

  private constructor(
    private readonly request: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    const parser = createParser({
      onEvent: ({ id, event = 'message', data }) => {
        this.events.push({ id, event, data: JSON.parse(data) });
      },
      onComment: (comment) => this.comments.push(comment),
      onRetry: (ms) => (this.retryMs = ms),
    });
    // Not `once`, which rejects when the connection is cut.
    this.ended = new Promise<void>((resolve) => response.once('close', resolve)).then(() => this.look());
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    response.on('data', (text: string) => {
      parser.feed(text);
      this.look();
    });
  }

  /** Rejects with the status and the body of a refusal. */
  static async open(url: string, key: string): Promise<SseClient> {
    const request = get(url, { agent: false, headers: { 'x-api-key': key } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    // Whoever hangs up is told so.
    request.on('error', () => undefined);
    if (response.statusCode === 200) return new SseClient(request, response);
    let text = '';
    for await (const chunk of response) text += String(chunk);
    throw Object.assign(new Error(text), {
      status: response.statusCode,
      headers: response.headers,
      body: JSON.parse(text) as unknown,
    });
  }

  /** Resolves when the condition holds; looked at after everything that comes, and at the end. */
  async when(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.watchers.delete(look);
        reject(new Error(`not so within ${timeoutMs} ms: ${String(condition)}\n${JSON.stringify(this.events)}`));
      }, timeoutMs);
      const look = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  async ready(): Promise<void> {
    await this.when(() => this.events.some(({ event }) => event === 'stream.ready'));
  }

  /** Names of the events so far, without those of the stream itself. */
  get types(): string[] {
    return this.events.map(({ event }) => event).filter((event) => !event.startsWith('stream.'));
  }

  /** Hangs up. */
  async close(): Promise<void> {
    this.request.destroy();
    await this.ended;
  }

  private look(): void {
    for (const watch of [...this.watchers]) watch();
  }
}
