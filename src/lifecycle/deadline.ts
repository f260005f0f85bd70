/** A point in time by which something must be over, on the monotonic clock. */
export class Deadline {
  private constructor(private readonly at: number) {}

  static in(ms: number): Deadline {
    return new Deadline(performance.now() + ms);
  }

  /** Milliseconds left, never negative. */
  remainingMs(): number {
    return Math.max(0, this.at - performance.now());
  }

  /** This one, or one `floorMs` from now if that is later. */
  atLeast(floorMs: number): Deadline {
    return new Deadline(Math.max(this.at, performance.now() + floorMs));
  }

  /** Whether `work` settled in time; its rejection is passed on. The timer is cleared either way. */
  async meets(work: Promise<unknown>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => {
        resolve(false);
      }, this.remainingMs());
    });
    try {
      return await Promise.race([work.then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
