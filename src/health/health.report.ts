import { ServiceUnavailableException } from '@nestjs/common';
import type { HealthCheckResult, HealthIndicatorResult } from '@nestjs/terminus';
import { packageJson } from '../common/package-json.js';

/** How the gateway is doing: one entry for each part, the same ones whatever the status. */
export interface HealthReport {
  status: HealthCheckResult['status'];
  /** For whoever may see facts. */
  version?: string;
  details: HealthIndicatorResult;
}

const HEALTH_SCHEMA = {
  type: 'object',
  required: ['status', 'details'],
  properties: {
    status: { type: 'string', enum: ['ok', 'degraded', 'error'], description: 'error: 503, take no requests here' },
    version: { type: 'string', description: 'With a key of role viewer, operator or admin.' },
    details: {
      type: 'object',
      description: 'An entry for each part; with such a key its facts, the last error among them.',
      additionalProperties: {
        type: 'object',
        required: ['status'],
        properties: { status: { type: 'string', enum: ['up', 'degraded', 'down'] } },
        additionalProperties: true,
      },
    },
  },
} as const;

/** The schema, with what somebody without a key is told as the example. */
export function healthSchema(entries: readonly string[], storage: 'up' | 'down'): object {
  const details = entries.map((name) => [name, { status: name === 'storage' ? storage : 'up' }]);
  const status = storage === 'up' ? 'ok' : 'error';
  return { ...HEALTH_SCHEMA, example: { status, details: Object.fromEntries(details) as object } };
}

/** What Terminus found, also when it throws it because something is down. */
export async function resultOf(check: Promise<HealthCheckResult>): Promise<HealthCheckResult> {
  try {
    return await check;
  } catch (error) {
    if (!(error instanceof ServiceUnavailableException)) throw error;
    return error.getResponse() as HealthCheckResult;
  }
}

/** @param withFacts else an entry has its status and nothing else: facts name files, hosts and the organisation. */
export function reportOf({ status, details }: HealthCheckResult, withFacts: boolean): HealthReport {
  if (withFacts) return { status, version: packageJson().version, details };
  const bare = Object.entries(details).map(([name, entry]) => [name, { status: entry.status }]);
  return { status, details: Object.fromEntries(bare) as HealthIndicatorResult };
}
