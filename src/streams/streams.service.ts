import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { RequestInvalidError } from '../http/request.errors.js';
import { ShutdownService } from '../lifecycle/shutdown.service.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { CONVERSATION_FEED, type ConversationFeed, type FollowRequest } from './conversation-feed.js';
import { ConversationStream } from './conversation-stream.js';
import { DETAIL_KINDS } from './detail-topic.js';
import { FieldSelection } from './field-selection.js';
import type { SseBody } from './sse/sse-body.js';
import { StreamsEndingError, StreamsFullError, TooManyStreamsError } from './stream.errors.js';
import type { FollowQuery } from './stream.schemas.js';

/** Open streams of one process: each may hold 1 MiB for a slow reader. */
const MAX_STREAMS = 100;
/** Of these by one key, so that no caller takes them all. */
const MAX_PER_KEY = 20;
/** How long a reader may take to read that the instance goes away. */
const SHUTDOWN_LINGER_MS = 1_000;

/** Opens streams within their limits, and ends them when the instance goes away. */
@Injectable()
export class StreamsService implements OnModuleInit {
  /** Each open stream, and whose it is. */
  private readonly open = new Map<ConversationStream, string>();
  private readonly log: Log;
  private whenEmpty: (() => void) | undefined;

  constructor(
    @Inject(CONVERSATION_FEED) private readonly feed: ConversationFeed,
    private readonly shutdown: ShutdownService,
    logs: Logs,
  ) {
    this.log = logs.of('streams');
  }

  onModuleInit(): void {
    this.shutdown.register('intake', 'conversation streams', () => this.endAll());
  }

  get count(): number {
    return this.open.size;
  }

  /**
   * The body of a new stream. It must be read or destroyed; either closes the stream.
   * @throws RequestInvalidError, StreamsEndingError, StreamsFullError, TooManyStreamsError, StreamCapacityError
   */
  follow(query: FollowQuery, caller: string): SseBody {
    const request = this.requestOf(query);
    this.checkRoom(caller);
    const { conversationIds, eventTypes } = request;
    const ready = { transport: this.feed.transport, conversationIds, eventTypes };
    const stream = new ConversationStream(new FieldSelection(request.include, request.exclude), ready, () =>
      this.closed(stream),
    );
    stream.follow(this.feed.follow(request));
    this.open.set(stream, caller);
    this.log.info(
      { caller, conversations: conversationIds.length, open: this.open.size },
      'conversation stream opened',
    );
    return stream.body;
  }

  private requestOf(query: FollowQuery): FollowRequest {
    const { conversationId: conversationIds, eventType: eventTypes, include, exclude } = query;
    if (conversationIds.length === 0 && !this.feed.followsAll) {
      const message =
        'is required: Genesys has topics of single conversations only, so a stream must say which ones it follows';
      throw new RequestInvalidError([{ field: 'conversationId', message }]);
    }
    const unknown = this.feed.unknownTypes(eventTypes);
    if (unknown.length > 0) {
      const message = `must be of ${DETAIL_KINDS.join(', ')}; not ${unknown.map((type) => `"${type}"`).join(', ')}`;
      throw new RequestInvalidError([{ field: 'eventType', message }]);
    }
    return { conversationIds, eventTypes, include, exclude };
  }

  private checkRoom(caller: string): void {
    if (this.shutdown.state !== 'running') throw new StreamsEndingError();
    const theirs = [...this.open.values()].filter((each) => each === caller).length;
    if (theirs >= MAX_PER_KEY) throw new TooManyStreamsError(caller, MAX_PER_KEY);
    if (this.open.size >= MAX_STREAMS) throw new StreamsFullError(MAX_STREAMS);
  }

  private closed(stream: ConversationStream): void {
    const caller = this.open.get(stream);
    if (caller === undefined) return;
    this.open.delete(stream);
    this.log.info({ caller, open: this.open.size }, 'conversation stream closed');
    if (this.open.size === 0) this.whenEmpty?.();
  }

  private async endAll(): Promise<void> {
    if (this.open.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.whenEmpty = resolve));
    const { code, message } = new StreamsEndingError();
    for (const stream of [...this.open.keys()]) stream.end(code, message, SHUTDOWN_LINGER_MS);
    await empty;
  }
}
