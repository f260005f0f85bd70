import { EventEmitter } from 'node:events';

/** What can be announced: a name, and the one thing that listeners get. */
export type Announcements = Record<string, unknown>;

interface Waiter {
  check(): void;
  fail(error: Error): void;
}

/**
 * An emitter whose state can be waited for: `waitFor` looks again after every announcement, so that tests wait for what
 * happened and never for time.
 */
export class Observable<Events extends Announcements> {
  readonly #emitter = new EventEmitter();
  readonly #waiters = new Set<Waiter>();

  constructor() {
    // Each test and each person watching adds listeners; the default warning at 11 would be about nothing.
    this.#emitter.setMaxListeners(0);
  }

  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): () => void {
    this.#emitter.on(name, listener);
    return () => this.#emitter.off(name, listener);
  }

  once<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.once(name, listener);
  }

  off<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.off(name, listener);
  }

  announce<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    this.#emitter.emit(name, event);
    for (const waiter of [...this.#waiters]) waiter.check();
  }

  /**
   * Resolves with the first truthy value of `predicate`, which is asked now and after every announcement.
   * @param timeoutMs real milliseconds; then it rejects, quoting the predicate.
   */
  waitFor<T>(predicate: () => T, timeoutMs = 5000): Promise<NonNullable<T>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => waiter.fail(new Error(`Not so within ${timeoutMs} ms: ${String(predicate).slice(0, 300)}`)),
        timeoutMs,
      );
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        check: () => {
          try {
            const value = predicate();
            if (!value) return;
            done();
            resolve(value);
          } catch (error) {
            waiter.fail(error instanceof Error ? error : new Error(String(error)));
          }
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      waiter.check();
    });
  }

  /** Fails everybody who still waits and forgets all listeners. */
  protected endObservation(reason: string): void {
    for (const waiter of [...this.#waiters]) waiter.fail(new Error(reason));
    this.#emitter.removeAllListeners();
  }
}
