import type { ProviderAnswer } from '../providers/provider-http.js';
import type { PushOutcome } from './publisher.js';

/** 404: no such channel; 410: the channel has ended (after 30 days at the latest) or the app is no longer installed. */
const GONE = new Set([404, 410]);
const REFUSED = new Set([400, 403, 405, 413]);

/** @see https://learn.microsoft.com/windows/apps/develop/notifications/push-notifications/push-request-response-headers */
export function wnsOutcome(answer: ProviderAnswer): PushOutcome {
  const { status, retryAfterMs } = answer;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 200) {
    const became = answer.header('x-wns-notificationstatus')?.toLowerCase();
    if (became !== 'dropped' && became !== 'channelthrottled') return { kind: 'sent', status };
    return {
      kind: 'retry',
      code: `push.wns-${became}`,
      message: `WNS took the notification and then ${became} it`,
      status,
      ...wait,
    };
  }
  const failure = { code: `push.wns-${String(status)}`, message: `WNS answered ${String(status)}`, status };
  if (GONE.has(status)) return { kind: 'gone', ...failure };
  if (REFUSED.has(status)) return { kind: 'refused', ...failure };
  return { kind: 'retry', ...failure, ...wait };
}
