import { ConfigError } from '../../src/config/config-error.js';
import { EXIT_CONFIG } from '../../src/config/boot.js';
import { type Check, failure, reasonOf, type Verdict } from './check.js';
import type { Installation } from './installation.js';

/** Genesys' requests end after `GENESYS_TIMEOUT_MS` (16 s), the history's after `HISTORY_TIMEOUT_MS` (10 s), as they are set by default. */
const LIMIT_MS = 20_000;

export interface Examined extends Verdict {
  name: string;
}

/** Makes the checks one after the other, and tells of each as soon as it is over. A check that is missing here did not apply. */
export async function examine(
  checks: readonly Check[],
  on: Installation,
  told: (examined: Examined) => void,
): Promise<Examined[]> {
  const examined: Examined[] = [];
  for (const check of checks) {
    const verdict = await verdictOf(check, on, examined);
    if (!verdict) continue;
    examined.push({ name: check.name, ...verdict });
    told({ name: check.name, ...verdict });
  }
  return examined;
}

/** 78 where the gateway would end with it, 1 after a failure, else 0. */
export function exitCodeOf(examined: readonly Examined[]): number {
  if (examined.some(({ misconfigured }) => misconfigured)) return EXIT_CONFIG;
  return examined.some(({ status }) => status === 'failure') ? 1 : 0;
}

async function verdictOf(check: Check, on: Installation, before: readonly Examined[]): Promise<Verdict | undefined> {
  const why = check.unasked?.(on);
  if (why !== undefined) return skipped(why);
  const missing = before.filter(({ name, status }) => check.needs.includes(name) && !isGood(status));
  if (missing.length > 0) return skipped(`needs ${missing.map(({ name }) => name).join(', ')}`);
  if (check.applies?.(on) === false) return undefined;
  return withinLimit(check, on);
}

function isGood(status: Verdict['status']): boolean {
  return status === 'ok' || status === 'warning';
}

function skipped(text: string): Verdict {
  return { status: 'skipped', text };
}

async function withinLimit(check: Check, on: Installation): Promise<Verdict> {
  const limitMs = check.limitMs ?? LIMIT_MS;
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      limit.abort(new Error('its time is over'));
      resolve(
        failure(`not done within ${limitMs / 1_000} s`, 'Look whether a firewall or a proxy swallows what is sent.'),
      );
    }, limitMs);
  });
  try {
    return await Promise.race([check.run(on, limit.signal).catch(asFailure), late]);
  } finally {
    clearTimeout(timer);
  }
}

function asFailure(error: unknown): Verdict {
  if (!(error instanceof ConfigError)) return failure(reasonOf(error));
  return failure(reasonOf(error), 'Put it right: the gateway would end with 78.', { misconfigured: true });
}
