import type { FeedItem } from '../conversation-feed.js';
import { detailOf } from '../detail-topic.js';

/** One follower and its topics: from the events of topics to what it is told. */
export class TopicFollower {
  /** Topics that are neither covered nor refused yet. */
  private readonly pending: Set<string>;
  private ready = false;

  constructor(
    readonly topics: readonly string[],
    private readonly tell: (item: FeedItem) => void,
  ) {
    this.pending = new Set(topics);
  }

  event(item: FeedItem & { kind: 'event' }): void {
    this.tell(item);
  }

  /** These of its topics are covered; those that had been covered before were not for a while. */
  covered(topics: readonly string[]): void {
    const again = topics.filter((topic) => !this.pending.delete(topic));
    const conversationIds = new Set(again.flatMap((topic) => detailOf(topic)?.conversationId ?? []));
    if (conversationIds.size > 0) this.tell({ kind: 'missed', conversationIds: [...conversationIds] });
    this.readyWhenSettled();
  }

  /** Genesys refuses one of its topics. When it is taken later, events may have been missed. */
  refused(topic: string, reason: string): void {
    this.pending.delete(topic);
    const { conversationId, kind } = detailOf(topic) ?? {};
    if (conversationId !== undefined && kind !== undefined)
      this.tell({ kind: 'refused', conversationId, eventType: kind, reason });
    this.readyWhenSettled();
  }

  private readyWhenSettled(): void {
    if (this.ready || this.pending.size > 0) return;
    this.ready = true;
    this.tell({ kind: 'ready' });
  }
}
