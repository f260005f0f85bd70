import type { Observable, Subscription } from 'rxjs';
import { asError } from '../common/errors.js';
import type { FeedItem } from './conversation-feed.js';
import type { FieldSelection } from './field-selection.js';
import { BUFFER_LIMITS, SseBody } from './sse/sse-body.js';
import { SSE_HEARTBEAT, SSE_OPENING, sseText } from './sse/sse-text.js';

/** A comment so often shows both sides, and what is between them, that a quiet stream lives. */
const HEARTBEAT_MS = 15_000;
/** How long a reader that was too slow may take to read why its stream ended. */
const SLOW_LINGER_MS = 10_000;

type StreamState = 'open' | 'ending' | 'closed';

/** One open stream: from what the feed tells to the text that the reader gets. */
export class ConversationStream {
  readonly body = new SseBody();
  private current: StreamState = 'open';
  private items: Subscription | undefined;
  private readonly heartbeat: NodeJS.Timeout;
  private linger: NodeJS.Timeout | undefined;

  /** @param onClosed called once, when the reader has gone or everything is written. */
  constructor(
    private readonly selection: FieldSelection,
    private readonly readyData: object,
    private readonly onClosed: () => void,
    heartbeatMs: number = HEARTBEAT_MS,
  ) {
    this.heartbeat = setInterval(() => this.beat(), heartbeatMs);
    this.body.once('close', () => this.enter('closed'));
    this.body.offer(SSE_OPENING);
  }

  get state(): StreamState {
    return this.current;
  }

  /** Begins. @throws what the feed errors with at once; then the stream is closed */
  follow(items$: Observable<FeedItem>): void {
    let refusal: Error | undefined;
    const items = items$.subscribe({
      next: (item) => this.tell(item),
      error: (thrown: unknown) => {
        refusal = asError(thrown);
        this.end('streams.feed-failed', 'The source of events failed; connect again.', SLOW_LINGER_MS);
      },
    });
    if (this.current === 'open') this.items = items;
    else items.unsubscribe();
    if (!refusal) return;
    this.body.destroy();
    throw refusal;
  }

  /** Says why and ends; a reader that has not taken it after `lingerMs` is cut off. */
  end(code: string, message: string, lingerMs: number, { dropQueue = false } = {}): void {
    if (this.current !== 'open') return;
    this.enter('ending');
    this.body.finish(sseText('error', { code, message }), { dropQueue });
    this.linger = setTimeout(() => this.body.destroy(), lingerMs);
  }

  private tell(item: FeedItem): void {
    if (this.current !== 'open' || this.body.offer(this.textOf(item))) return;
    const { events, bytes } = BUFFER_LIMITS;
    const message =
      `The reader was too slow: more than ${events} events or ${bytes / 1024} KiB waited for it. ` +
      'What waited is dropped; connect again, and read faster or ask for less with eventType, include and exclude.';
    this.end('streams.too-slow', message, SLOW_LINGER_MS, { dropQueue: true });
  }

  private textOf(item: FeedItem): string {
    switch (item.kind) {
      case 'event': {
        const { id, fields, ...named } = item.event;
        // Named ones first to read, and last to win over fields of the same name.
        return sseText(named.eventType, { ...named, ...this.selection.of(fields), ...named }, id);
      }
      case 'ready':
        return sseText('stream.ready', this.readyData);
      case 'missed': {
        const message = 'The way from Genesys was broken for a while; events of that time are missing here.';
        return sseText('stream.missed', { conversationIds: item.conversationIds, message });
      }
      case 'refused': {
        const { conversationId, eventType, reason } = item;
        return sseText('stream.refused', { conversationId, eventType, message: reason });
      }
    }
  }

  private beat(): void {
    // What waits is sign enough of life, and a full queue is no reason to end a stream by a comment.
    if (this.body.isDrained) this.body.offer(SSE_HEARTBEAT);
  }

  /** The one setter. */
  private enter(to: StreamState): void {
    if (this.current === 'closed') return;
    this.current = to;
    this.items?.unsubscribe();
    clearInterval(this.heartbeat);
    if (to !== 'closed') return;
    clearTimeout(this.linger);
    this.onClosed();
  }
}
