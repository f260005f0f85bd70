import { withAnswer } from '../../common/answer-start.js';
import type { PushOutcome } from '../publishers/publisher.js';
import type { ProviderAnswer } from './provider-http.js';
import type { ProviderToken } from './provider-token.js';

/**
 * Sends with the provider's token, and once more at once with the next one when the token is rejected. However many sends are
 * rejected together, one token is asked for; when it may not be replaced yet, the send has to wait until then.
 *
 * @param isRejected whether an answer says that of the token
 */
export async function withToken(
  token: ProviderToken,
  signal: AbortSignal,
  post: (value: string) => Promise<ProviderAnswer>,
  isRejected: (answer: ProviderAnswer) => boolean,
  outcomeOf: (answer: ProviderAnswer) => PushOutcome,
): Promise<PushOutcome> {
  const used = await token.get(signal);
  const answer = await post(used);
  if (!isRejected(answer)) return withAnswer(outcomeOf(answer), answer.start);
  const waitMs = token.discard(used);
  if (waitMs > 0) return withAnswer(rejected(answer, waitMs), answer.start);
  const second = await post(await token.get(signal));
  return withAnswer(outcomeOf(second), second.start);
}

function rejected({ status }: ProviderAnswer, retryAfterMs: number): PushOutcome {
  const message =
    `the service answered ${String(status)} to its token, which was replaced a short time ago; if this lasts, compare ` +
    'the credentials in PUSH_PROVIDERS_FILE and this machine’s clock';
  return { kind: 'retry', code: 'push.provider-token', message, status, retryAfterMs };
}
