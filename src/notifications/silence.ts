import { Observable } from 'rxjs';

export interface SilenceLimits {
  /** Silence after which a ping is sent, in milliseconds. */
  heartbeatTimeoutMs: number;
  /** How long its answer (any frame) may take, in milliseconds. */
  pingTimeoutMs: number;
}

/**
 * Emits once, when a socket has died without saying so: nothing for `heartbeatTimeoutMs`, then nothing in answer to a
 * ping. One timer however many frames arrive: it looks at when the last one came instead of being re-armed by each.
 */
export function silence$(lastFrameAt: () => number, ping: () => void, limits: SilenceLimits): Observable<'silent'> {
  return new Observable((subscriber) => {
    let timer: NodeJS.Timeout;
    const watch = (): void => {
      const quietForMs = performance.now() - lastFrameAt();
      if (quietForMs < limits.heartbeatTimeoutMs) {
        timer = setTimeout(watch, limits.heartbeatTimeoutMs - quietForMs);
        return;
      }
      const askedAt = performance.now();
      ping();
      timer = setTimeout(() => (lastFrameAt() > askedAt ? watch() : subscriber.next('silent')), limits.pingTimeoutMs);
    };
    watch();
    return () => clearTimeout(timer);
  });
}
