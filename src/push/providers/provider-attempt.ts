import type { PushOutcome } from '../publishers/publisher.js';
import { PushDeviceError } from '../push.errors.js';
import { PROVIDER_FIELD } from './provider-settings.js';
import { ProviderTokenError } from './provider-token.js';

/**
 * Runs one attempt at a push service under PUSH_TIMEOUT_MS, and says of every failure of the network, of the service's token
 * and of the settings what it means: try again later. Mistakes of our own are thrown on.
 *
 * @param service its name for messages
 */
export async function attempt(
  service: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<PushOutcome>,
): Promise<PushOutcome> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    const both = AbortSignal.any([signal, deadline.signal]);
    both.throwIfAborted();
    return await work(both);
  } catch (error) {
    if (signal.aborted) return retry('push.stopped', 'given up because of the shutdown');
    if (deadline.signal.aborted) {
      return retry('push.timeout', `${service} did not answer within ${String(timeoutMs)} ms (PUSH_TIMEOUT_MS)`);
    }
    return failure(service, error);
  } finally {
    clearTimeout(timer);
  }
}

function failure(service: string, error: unknown): PushOutcome {
  if (error instanceof ProviderTokenError) {
    return { ...retry(error.code, error.message), retryAfterMs: error.retryAfterMs };
  }
  if (error instanceof PushDeviceError) return deviceFailure(error);
  const code = networkCode(error);
  if (code === undefined) throw error;
  return retry('push.unreachable', `${service} cannot be reached: ${code}`);
}

/** Settings that were there when the device was taken can be brought back; what is wrong with the device stays. */
function deviceFailure(error: PushDeviceError): PushOutcome {
  if (error.details.some(({ field }) => field === PROVIDER_FIELD)) return retry('push.provider-missing', error.message);
  return { kind: 'refused', code: error.code, message: error.message };
}

/** Node.js', OpenSSL's or undici's code; what has none is a mistake of ours. */
export function networkCode(error: unknown): string | undefined {
  const { code } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown };
  return typeof code === 'string' && code !== 'UND_ERR_INVALID_ARG' ? code : undefined;
}

function retry(code: string, message: string): PushOutcome & { kind: 'retry' } {
  return { kind: 'retry', code, message };
}
