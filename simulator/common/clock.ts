interface Alarm {
  readonly at: number;
  readonly ring: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** setTimeout takes at most 2^31-1 ms (24.8 days); longer waits are made of several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Real time plus an offset that tests move: a day of channel life passes in a call.
 * Everything of the simulator that lives or dies by time asks this clock. Times are epoch ms.
 */
export class SimulatedClock {
  #offsetMs = 0;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  iso(at: number = this.now()): string {
    return new Date(at).toISOString();
  }

  /** Moves time forward and rings, in order, everything that became due. Throws RangeError for a negative step: time does not go back. */
  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`The clock moves forward only: ${ms} ms.`);
    this.#offsetMs += ms;
    const due = [...this.#alarms].filter((alarm) => alarm.at <= this.now()).sort((a, b) => a.at - b.at);
    for (const alarm of due) this.#ring(alarm);
    for (const alarm of this.#alarms) this.#arm(alarm);
  }

  /** Calls `ring` at that time; gives the function that cancels it. */
  at(time: number, ring: () => void): () => void {
    const alarm: Alarm = { at: time, ring, timer: undefined };
    this.#alarms.add(alarm);
    this.#arm(alarm);
    return () => this.#cancel(alarm);
  }

  after(ms: number, ring: () => void): () => void {
    return this.at(this.now() + ms, ring);
  }

  /** Cancels every alarm. */
  stop(): void {
    for (const alarm of [...this.#alarms]) this.#cancel(alarm);
  }

  #arm(alarm: Alarm): void {
    clearTimeout(alarm.timer);
    const wait = Math.min(Math.max(alarm.at - this.now(), 0), LONGEST_TIMER_MS);
    alarm.timer = setTimeout(() => {
      if (alarm.at <= this.now()) this.#ring(alarm);
      else this.#arm(alarm);
    }, wait);
    // The servers keep the program alive; an alarm a day ahead must not.
    alarm.timer.unref();
  }

  #ring(alarm: Alarm): void {
    // An earlier alarm of the same step may have cancelled this one.
    if (!this.#alarms.has(alarm)) return;
    this.#cancel(alarm);
    alarm.ring();
  }

  #cancel(alarm: Alarm): void {
    clearTimeout(alarm.timer);
    this.#alarms.delete(alarm);
  }
}
