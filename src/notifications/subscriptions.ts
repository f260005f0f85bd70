/**
 * The topics of one channel: what we want there and what Genesys has confirmed. The difference is what is still to be
 * asked for, and whoever asks takes it from here.
 */
export class Subscriptions {
  private readonly wanted = new Set<string>();
  private readonly held = new Set<string>();
  private readonly toAdd = new Set<string>();
  private readonly toRemove = new Set<string>();

  /** One that was to be removed is asked for again though it is held: only a new answer tells that it is covered. */
  want(topic: string): void {
    this.wanted.add(topic);
    if (this.toRemove.delete(topic) || !this.held.has(topic)) this.toAdd.add(topic);
  }

  /** Wants one that is held, and of which it will be told anyway that it is covered. */
  keep(topic: string): void {
    this.wanted.add(topic);
    this.toRemove.delete(topic);
  }

  drop(topic: string): void {
    this.wanted.delete(topic);
    this.toAdd.delete(topic);
    if (this.held.has(topic)) this.toRemove.add(topic);
  }

  /** Genesys subscribed these. */
  confirm(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.held.add(topic);
      this.toAdd.delete(topic);
      if (!this.wanted.has(topic)) this.toRemove.add(topic);
    }
  }

  /** Genesys unsubscribed these. */
  confirmRemoved(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.held.delete(topic);
      this.toRemove.delete(topic);
      if (this.wanted.has(topic)) this.toAdd.add(topic);
    }
  }

  /** Takes the list that Genesys gave as the truth. Answers what we believed to hold and do not. */
  reconcile(listed: ReadonlySet<string>): string[] {
    const lost = [...this.held].filter((topic) => !listed.has(topic));
    this.confirmRemoved(lost);
    this.confirm(listed);
    return lost;
  }

  nextAdds(limit: number): string[] {
    return [...this.toAdd.values().take(limit)];
  }

  nextRemoves(limit: number): string[] {
    return [...this.toRemove.values().take(limit)];
  }

  holds(topic: string): boolean {
    return this.held.has(topic);
  }

  wants(topic: string): boolean {
    return this.wanted.has(topic);
  }

  get wantedTopics(): ReadonlySet<string> {
    return this.wanted;
  }

  get heldTopics(): ReadonlySet<string> {
    return this.held;
  }

  /** How much of the channel's limit is used: a topic that is still to be removed counts at Genesys. */
  get load(): number {
    return this.wanted.size + this.toRemove.size;
  }

  /** True when Genesys holds exactly what is wanted. */
  get settled(): boolean {
    return this.toAdd.size === 0 && this.toRemove.size === 0;
  }

  /** True when all that is wanted is confirmed. */
  get complete(): boolean {
    return this.toAdd.size === 0;
  }
}
