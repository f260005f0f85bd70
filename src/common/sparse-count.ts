/** Shortest time between two tellings. */
const QUIET_MS = 60_000;

/** Counts what may come in floods, and tells of it at most once a minute: the first at once, then how many there were. */
export class SparseCount {
  private untold = 0;
  private toldAt = -Infinity;

  /** @param now monotonic time in ms */
  constructor(
    private readonly tell: (count: number) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(count: number): void {
    this.untold += count;
    if (this.now() - this.toldAt < QUIET_MS) return;
    this.tell(this.untold);
    this.untold = 0;
    this.toldAt = this.now();
  }
}
