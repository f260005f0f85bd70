/** Enough for the overlap of a hand-over, and repeats within minutes. */
const MAX_REMEMBERED = 10_000;

/** Remembers the events of late, to tell one that has arrived twice. */
export class RecentIds {
  private readonly ids = new Set<string>();

  /** False when it was added before. */
  add(id: string): boolean {
    if (this.ids.has(id)) return false;
    this.ids.add(id);
    const [oldest] = this.ids;
    if (this.ids.size > MAX_REMEMBERED && oldest !== undefined) this.ids.delete(oldest);
    return true;
  }
}
