import type { INestApplicationContext } from '@nestjs/common';
import { asError } from '../common/errors.js';
import { Logs } from '../telemetry/logs.js';
import { Deadline } from './deadline.js';
import { ShutdownService } from './shutdown.service.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** How long the HTTP server may take to close after the ladder; an answer that nobody reads would keep it for ever. */
const CLOSE_LIMIT_MS = 2000;

/** The part of `process` that is used here; tests give another. */
export interface ProcessLike {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

/**
 * The first SIGTERM or SIGINT begins the shutdown and ends the process, with exit code 0 when nothing had to be left behind
 * and 1 otherwise; a second one ends it at once with 1.
 *
 * @returns takes the listeners off again
 */
export function endOnSignals(app: INestApplicationContext, target: ProcessLike = process): () => void {
  const log = app.get(Logs).of('shutdown');
  let ending = false;
  const remove = (): void => {
    for (const signal of SIGNALS) target.off(signal, listeners[signal]);
  };
  const onSignal = (signal: string): void => {
    if (ending) {
      log.error({ signal }, 'second signal: ending at once');
      target.exit(1);
      return;
    }
    ending = true;
    void end(app, signal).then((code) => {
      remove();
      target.exit(code);
    });
  };
  const listeners = {
    SIGTERM: () => {
      onSignal('SIGTERM');
    },
    SIGINT: () => {
      onSignal('SIGINT');
    },
  };
  for (const signal of SIGNALS) target.on(signal, listeners[signal]);
  return remove;
}

/**
 * Goes down the ladder and closes the application, within bounds. Never rejects: the process has to end whatever happens.
 *
 * @returns the exit code: 0 when nothing had to be left behind
 */
export async function end(app: INestApplicationContext, reason: string): Promise<number> {
  const log = app.get(Logs).of('shutdown');
  try {
    const { clean } = await app.get(ShutdownService).begin(reason);
    const closed = await Deadline.in(CLOSE_LIMIT_MS).meets(app.close());
    if (!closed) log.error({ limitMs: CLOSE_LIMIT_MS }, 'connections are still open and are cut');
    return clean && closed ? 0 : 1;
  } catch (thrown) {
    log.error({ err: asError(thrown) }, 'closing failed');
    return 1;
  }
}

/**
 * Ends the process on an error that nobody caught: its state is unknown, and everything that was promised is durable. The
 * log's error format is used because Node's own prints every field, which for HTTP errors includes keys and bodies.
 *
 * @returns takes the listeners off again
 */
export function crashOnUncaught(logs: Logs, target: ProcessLike = process): () => void {
  const log = logs.of('process');
  const onError = (thrown: unknown): void => {
    log.fatal({ err: asError(thrown) }, 'nobody caught this error: ending');
    target.exit(1);
  };
  const events = ['uncaughtException', 'unhandledRejection'];
  for (const event of events) target.on(event, onError);
  return () => {
    for (const event of events) target.off(event, onError);
  };
}
