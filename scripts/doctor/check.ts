import { GatewayError } from '../../src/common/errors.js';
import { HttpFailure } from '../../src/common/http-exchange.js';
import type { Installation } from './installation.js';

export type Status = 'ok' | 'warning' | 'failure' | 'skipped';

/** What a check came to. */
export interface Verdict {
  status: Status;
  /** What was found, and why it is so. */
  text: string;
  /** Further facts, a line each. */
  more?: readonly string[];
  /** The way out. */
  action?: string;
  /** For programs. */
  facts?: Readonly<Record<string, unknown>>;
  /** The gateway would refuse to start with 78. */
  misconfigured?: true;
}

/** One step of the examination. */
export interface Check {
  readonly name: string;
  /** Those that must not have failed, by name. */
  readonly needs: readonly string[];
  /** Longer than the usual. */
  readonly limitMs?: number;
  /** Why it is not made without an option, when that was not given. */
  unasked?(on: Installation): string | undefined;
  /** Whether this installation has such a thing at all; absent: it has. */
  applies?(on: Installation): boolean;
  /** What it throws is a failure. @param signal aborted when its time is over */
  run(on: Installation, signal: AbortSignal): Promise<Verdict>;
}

export function ok(text: string, rest: Partial<Verdict> = {}): Verdict {
  return { status: 'ok', text, ...rest };
}

export function warning(text: string, action: string, rest: Partial<Verdict> = {}): Verdict {
  return { status: 'warning', text, action, ...rest };
}

export function failure(text: string, action?: string, rest: Partial<Verdict> = {}): Verdict {
  return { status: 'failure', text, ...(action === undefined ? {} : { action }), ...rest };
}

/** Our own errors are for people; of others the kind is told, too. */
export function reasonOf(error: unknown): string {
  if (error instanceof GatewayError || error instanceof HttpFailure) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
