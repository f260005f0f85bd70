/** Who wants a topic: parts of the gateway that know nothing of each other may want the same one. */
export type Holder = string;

/** The main job: interactions that wait. */
export const MAIN_HOLDER: Holder = 'main';

/** Keeps account of who holds which topic: a topic is wanted from its first holder to its last. */
export class TopicHolders {
  private readonly holdersOf = new Map<string, Set<Holder>>();

  get topics(): Iterable<string> {
    return this.holdersOf.keys();
  }

  *heldBy(holder: Holder): Iterable<string> {
    for (const [topic, holders] of this.holdersOf) if (holders.has(holder)) yield topic;
  }

  holds(topic: string, holder: Holder): boolean {
    return this.holdersOf.get(topic)?.has(holder) === true;
  }

  /** False when this holder has held it already. */
  add(topic: string, holder: Holder): boolean {
    const holders = this.holdersOf.get(topic);
    if (holders?.has(holder)) return false;
    if (holders) holders.add(holder);
    else this.holdersOf.set(topic, new Set([holder]));
    return true;
  }

  /** True when this was its last holder: nobody wants it any more. */
  remove(topic: string, holder: Holder): boolean {
    const holders = this.holdersOf.get(topic);
    if (!holders?.delete(holder) || holders.size > 0) return false;
    return this.holdersOf.delete(topic);
  }

  /** Takes everything off this holder. */
  removeAllOf(holder: Holder): void {
    for (const topic of [...this.heldBy(holder)]) this.remove(topic, holder);
  }
}
