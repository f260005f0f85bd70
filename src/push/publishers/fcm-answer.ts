import { z } from 'zod';
import type { ProviderAnswer } from '../providers/provider-http.js';
import type { PushOutcome } from './publisher.js';

const CODE = z.string().regex(/^[A-Z_]{1,64}$/);
const errorSchema = z.object({
  error: z.object({
    status: CODE.optional().catch(undefined),
    message: z.string().optional().catch(undefined),
    details: z
      .array(z.object({ errorCode: CODE.optional().catch(undefined) }))
      .optional()
      .catch(undefined),
  }),
});

/** FCM's word for a quota without a Retry-After: "wait 60 seconds" (its documentation of error codes). */
const QUOTA_MS = 60_000;
/** What FCM says of a registration that is no more, in answers without an error code of its own. */
const NO_SUCH_DEVICE = 'Requested entity was not found.';

interface Failure {
  code: string | undefined;
  message: string | undefined;
}

/** The access token is not taken. Firebase's own credentials for Apple have the same status. */
export function isTokenRejected(answer: ProviderAnswer): boolean {
  return answer.status === 401 && failureOf(answer.json).code !== 'THIRD_PARTY_AUTH_ERROR';
}

/**
 * What FCM's answer means. A 404 ends a subscription only when FCM says it of the device: a wrong project or a proxy answers
 * 404 too. Another sender's token and a request that is not understood are refused, not gone: settings may be the cause.
 */
export function fcmOutcome({ status, json, retryAfterMs }: ProviderAnswer): PushOutcome {
  if (status === 200) return { kind: 'sent', status };
  const { code, message } = failureOf(json);
  const failure = {
    code: `push.fcm-${String(status)}`,
    message: `FCM answered ${String(status)}${code === undefined ? '' : ` ${code}`}`,
    status,
  };
  const unknownDevice = status === 404 && code === 'NOT_FOUND' && message === NO_SUCH_DEVICE;
  if (code === 'UNREGISTERED' || unknownDevice) return { kind: 'gone', ...failure };
  const refused =
    (status === 400 && code !== undefined) || status === 413 || (status === 403 && code === 'SENDER_ID_MISMATCH');
  if (refused) return { kind: 'refused', ...failure };
  const waitMs = retryAfterMs ?? (status === 429 ? QUOTA_MS : undefined);
  return { kind: 'retry', ...failure, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

function failureOf(json: unknown): Failure {
  const parsed = errorSchema.safeParse(json);
  if (!parsed.success) return { code: undefined, message: undefined };
  const { status, message, details } = parsed.data.error;
  const own = details?.find(({ errorCode }) => errorCode !== undefined)?.errorCode;
  return { code: own ?? status, message };
}
