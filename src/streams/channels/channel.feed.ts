import { Inject, Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { CONFIG, type Config } from '../../config/config.js';
import { ChannelManager } from '../../notifications/channel-manager.service.js';
import type { TopicEvent } from '../../notifications/notifications.types.js';
import type { ConversationEvent, ConversationFeed, FeedItem, FollowRequest } from '../conversation-feed.js';
import { DETAIL_KINDS, detailOf, detailTopic } from '../detail-topic.js';
import { contentId } from '../event-id.js';
import { RecentIds } from '../recent-ids.js';
import { StreamCapacityError } from '../stream.errors.js';
import { TopicFollower } from './topic-follower.js';

/** By this name the streams hold topics, beside the interactions that may want the same ones. */
const HOLDER = 'streams';
/** Part of all topics that streams may use: interactions are what the gateway is for. */
const SHARE = 0.1;

/** Conversation events from the notification channels: one topic per conversation and type, held while somebody follows. */
@Injectable()
export class ChannelFeed implements ConversationFeed {
  readonly transport = 'channels';
  readonly followsAll = false;

  private readonly followers = new Map<string, Set<TopicFollower>>();
  private readonly recent = new RecentIds();
  private readonly maxTopics: number;

  constructor(
    private readonly manager: ChannelManager,
    @Inject(CONFIG) config: Config,
  ) {
    this.maxTopics = Math.floor(config.channels.maxTopics * config.channels.maxCount * SHARE);
    manager.events$.subscribe((event) => this.onEvent(event));
    manager.covered$.subscribe(({ topics }) => this.onCovered(topics));
    manager.rejected$.subscribe(({ topic, reason }) => {
      for (const follower of [...(this.followers.get(topic) ?? [])]) follower.refused(topic, reason);
    });
  }

  unknownTypes(eventTypes: readonly string[]): string[] {
    return eventTypes.filter((type) => !DETAIL_KINDS.some((kind) => kind === type));
  }

  follow({ conversationIds, eventTypes }: FollowRequest): Observable<FeedItem> {
    const kinds = eventTypes.length > 0 ? eventTypes : DETAIL_KINDS;
    const topics = conversationIds.flatMap((id) => kinds.map((kind) => detailTopic(id, kind)));
    return new Observable((subscriber) => {
      const needed = topics.filter((topic) => !this.followers.has(topic)).length;
      const used = this.followers.size;
      if (used + needed > this.maxTopics) {
        subscriber.error(new StreamCapacityError(needed, used, this.maxTopics));
        return undefined;
      }
      const follower = new TopicFollower(topics, (item) => subscriber.next(item));
      this.enter(follower);
      return () => this.leave(follower);
    });
  }

  private enter(follower: TopicFollower): void {
    for (const topic of follower.topics) {
      const others = this.followers.get(topic);
      if (others) others.add(follower);
      else this.followers.set(topic, new Set([follower]));
    }
    follower.covered(this.manager.want(follower.topics, HOLDER));
  }

  private leave(follower: TopicFollower): void {
    const last = follower.topics.filter((topic) => {
      const others = this.followers.get(topic);
      others?.delete(follower);
      return others?.size === 0 && this.followers.delete(topic);
    });
    this.manager.release(last, HOLDER);
  }

  private onEvent({ topic, body, receivedAt }: TopicEvent): void {
    const followers = this.followers.get(topic);
    if (!followers) return;
    const event = eventOf(topic, body, receivedAt);
    if (!event || !this.recent.add(event.id)) return;
    for (const follower of [...followers]) follower.event({ kind: 'event', event });
  }

  private onCovered(topics: readonly string[]): void {
    const byFollower = new Map<TopicFollower, string[]>();
    for (const topic of topics) {
      for (const follower of this.followers.get(topic) ?? []) {
        const theirs = byFollower.get(follower);
        if (theirs) theirs.push(topic);
        else byFollower.set(follower, [topic]);
      }
    }
    for (const [follower, covered] of byFollower) follower.covered(covered);
  }
}

/** Undefined for a body that is no object: there is nothing to tell. */
function eventOf(topic: string, body: unknown, receivedAt: number): ConversationEvent | undefined {
  const detail = detailOf(topic);
  if (!detail || typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const { conversationId: _conversationId, ...fields } = body as Record<string, unknown>;
  return {
    id: contentId(topic, body),
    conversationId: detail.conversationId,
    eventType: detail.kind,
    timestamp: timeOf(fields['eventTime'], receivedAt),
    fields,
  };
}

/** `eventTime` is epoch milliseconds (docs/wire-facts.md §4.3); anything that is no time gives way to the time of arrival. */
function timeOf(eventTime: unknown, receivedAt: number): string {
  const time = new Date(typeof eventTime === 'number' ? eventTime : Number.NaN);
  return (Number.isNaN(time.getTime()) ? new Date(receivedAt) : time).toISOString();
}
