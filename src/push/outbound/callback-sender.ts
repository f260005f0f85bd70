import { Inject, Injectable } from '@nestjs/common';
import { withAnswer } from '../../common/answer-start.js';
import { GatewayError } from '../../common/errors.js';
import { secretsOfUrl } from '../../common/url-secrets.js';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';
import type { PushMessage, PushOutcome } from '../publishers/publisher.js';
import { authorizationHeader, secretsOfAuthorization } from './authorization.js';
import { CallbackClient } from './callback-client.js';
import type { CallbackAnswer, CallbackRequest } from './callback-client.js';
import { signatureHeaders } from './signature.js';

/** These say that this message will never be taken, so that asking again is useless; the history service's list. */
const REFUSALS = new Set([400, 404, 405, 413, 415, 422]);
/** RFC 9110 §15.5.11: it is gone, likely for good, and those who hold its URL should drop it. */
const GONE = 410;

export interface Callback {
  url: URL;
  urlFrom: CallbackRequest['urlFrom'];
  body: string;
  contentType: string;
  /** Value of a subscription's or a provider's `authorization`. */
  authorization: string | undefined;
  /** Whether a status says that the message was taken. */
  taken(status: number): boolean;
}

/** Sends a message by HTTP, with the headers that all callbacks have, and says what came of it. */
@Injectable()
export class CallbackSender {
  private readonly signingSecrets: readonly Buffer[];
  /** The same as texts: a receiver that echoes them has had them from elsewhere, but they stay secrets. */
  private readonly signingTexts: readonly string[];

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'push'>,
    private readonly client: CallbackClient,
  ) {
    this.signingSecrets = config.push.signingSecrets;
    this.signingTexts = config.push.signingSecrets.flatMap((secret) => [
      secret.toString('base64'),
      secret.toString('base64url'),
    ]);
  }

  /** One attempt; never rejects. */
  async send(message: PushMessage, callback: Callback, signal: AbortSignal): Promise<PushOutcome> {
    const { url, urlFrom, body, contentType, authorization } = callback;
    const headers = {
      'content-type': contentType,
      'user-agent': 'genesys-gateway',
      'x-genesys-tag': message.tag,
      'idempotency-key': message.id,
      ...signatureHeaders(this.signingSecrets, message.id, body),
      ...authorizationHeader(authorization),
    };
    const answer = await this.client.post({ url, urlFrom, headers, body }, signal);
    const outcome = outcomeOf(answer, (status) => callback.taken(status));
    if (answer.kind !== 'answered') return outcome;
    const secrets = [...this.signingTexts, ...secretsOfUrl(url), ...secretsOfAuthorization(authorization)];
    return withAnswer(outcome, () => answer.start?.text(secrets));
  }
}

/** What an error of ours means that comes before anything is sent: settings or permissions are not what they were. */
export function refusalOf(error: unknown): PushOutcome {
  if (!(error instanceof GatewayError)) throw error;
  return { kind: 'refused', code: error.code, message: error.message };
}

/**
 * Everything that is not listed is tried again: redirects (not followed) and unusual 4xx, such as 401 and 403, come from
 * what stands in between or from a wrong configuration, which an operator can put right without a message being lost.
 */
function outcomeOf(answer: CallbackAnswer, taken: Callback['taken']): PushOutcome {
  if (answer.kind === 'not-allowed') return { ...answer, kind: 'refused' };
  if (answer.kind === 'failed') return { ...answer, kind: 'retry' };
  const { status, retryAfterMs } = answer;
  if (taken(status)) return { kind: 'sent', status };
  const failure = { code: `push.http-${String(status)}`, message: `the receiver answered ${String(status)}`, status };
  if (status === GONE) return { kind: 'gone', ...failure };
  if (REFUSALS.has(status)) return { kind: 'refused', ...failure };
  return { kind: 'retry', ...failure, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
