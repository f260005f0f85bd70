import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Observable } from 'rxjs';
import { TokenService } from '../../auth/token.service.js';
import { BackgroundTasks } from '../../common/background-tasks.js';
import { CONFIG, type Config } from '../../config/config.js';
import { type Log, Logs } from '../../telemetry/logs.js';
import type { ConversationEvent, ConversationFeed, FeedItem, FollowRequest } from '../conversation-feed.js';
import { RecentIds } from '../recent-ids.js';
import { DirectConnection, type DirectHealth } from './direct-connection.js';
import { subscriptionFor } from './direct-messages.js';
import { DIRECT_STREAM_TIMINGS, type DirectTimings } from './direct-state.js';

interface Follower {
  request: FollowRequest;
  wanted: ReadonlySet<string>;
  ready: boolean;
  tell(item: FeedItem): void;
}

/**
 * Conversation events from the streaming tutorial's WebSocket. There is one connection for all followers, which exists
 * while somebody follows; each gets its part of what arrives, since connections are limited per client id.
 */
@Injectable()
export class DirectFeed implements ConversationFeed, OnModuleDestroy {
  readonly transport = 'direct';
  readonly followsAll = true;

  private readonly followers = new Set<Follower>();
  private readonly recent = new RecentIds();
  private readonly connection: DirectConnection;
  private readonly tasks: BackgroundTasks;
  private readonly log: Log;
  private resubscribing = false;
  /** The connection broke after it was confirmed, and has not been confirmed again. */
  private lost = false;

  constructor(
    @Inject(CONFIG) { genesys }: Config,
    tokens: TokenService,
    logs: Logs,
    @Inject(DIRECT_STREAM_TIMINGS) timings: DirectTimings,
  ) {
    this.log = logs.of('direct-stream');
    this.tasks = new BackgroundTasks((err, task) => this.log.error({ err, task }, 'the direct stream failed'));
    this.connection = new DirectConnection({
      url: `${genesys.apiUrl.replace(/^http/, 'ws')}/api/v2/notifications`,
      token: () => tokens.separateToken(),
      log: this.log,
      timings,
    });
    this.connection.messages$.subscribe((message) => {
      if (message.kind === 'event') this.onEvent(message.event);
      else if (message.kind === 'confirmed') this.onConfirmed();
      else this.lost = true;
    });
  }

  get health(): DirectHealth {
    return this.connection.health;
  }

  async onModuleDestroy(): Promise<void> {
    await this.connection.stop();
    await this.tasks.idle();
  }

  /** Genesys' names of types are not listed anywhere. */
  unknownTypes(): string[] {
    return [];
  }

  follow(request: FollowRequest): Observable<FeedItem> {
    return new Observable((subscriber) => {
      const follower: Follower = {
        request,
        wanted: new Set(request.conversationIds),
        ready: false,
        tell: (item) => subscriber.next(item),
      };
      this.followers.add(follower);
      this.resubscribeSoon();
      return () => {
        this.followers.delete(follower);
        this.resubscribeSoon();
      };
    });
  }

  /** Once for all who come and go in the same moment. */
  private resubscribeSoon(): void {
    if (this.resubscribing) return;
    this.resubscribing = true;
    setImmediate(() => {
      this.resubscribing = false;
      if (this.followers.size === 0) this.tasks.run('stop', () => this.connection.stop());
      else this.connection.subscribe(subscriptionFor([...this.followers].map(({ request }) => request)));
    });
  }

  private onConfirmed(): void {
    const missed = this.lost;
    this.lost = false;
    for (const follower of [...this.followers]) {
      if (!follower.ready) follower.tell({ kind: 'ready' });
      else if (missed) follower.tell({ kind: 'missed', conversationIds: follower.request.conversationIds });
      follower.ready = true;
    }
  }

  private onEvent(event: ConversationEvent): void {
    if (!this.recent.add(event.id)) return;
    for (const follower of [...this.followers]) {
      if (wants(follower, event)) follower.tell({ kind: 'event', event });
    }
  }
}

function wants({ request, wanted }: Follower, { conversationId, eventType }: ConversationEvent): boolean {
  if (wanted.size > 0 && !wanted.has(conversationId)) return false;
  if (request.eventTypes.length > 0 && !request.eventTypes.includes(eventType)) return false;
  // The tutorial leaves out the events of a type by naming it among the fields: "statusChanged".
  return !request.exclude.some((name) => name.toLowerCase() === eventType.toLowerCase());
}
