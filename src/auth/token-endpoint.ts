import type { AxiosInstance } from 'axios';
import { exchange, HttpFailure } from '../common/http-exchange.js';
import type { HttpAnswer } from '../common/http-exchange.js';
import { oneLine } from '../common/one-line.js';
import { retryAfterMs } from '../common/retry-after.js';
import type { Config } from '../config/config.js';
import { TokenRefusedError, TokenUnavailableError } from './auth.errors.js';
import type { AssertionSource } from './saml/assertion-source.js';

/** Far more than a token answer needs (a Genesys token is some 90 characters); a page of an error proxy is cut off. */
const MAX_BYTES = 64 * 1024;

/** Used when the answer has no `expires_in`, which RFC 6749 §5.1 allows; a 401 before that renews the token anyway. */
const DEFAULT_LIFE_S = 3_600;

const SAML2_BEARER = 'urn:ietf:params:oauth:grant-type:saml2-bearer';

export interface GrantedToken {
  value: string;
  /** Seconds of life, as Genesys said. */
  expiresInS: number;
}

/** `POST {login}/oauth/token`: one request, one answer, no memory. */
export class TokenEndpoint {
  readonly url: string;

  constructor(
    private readonly axios: AxiosInstance,
    private readonly settings: Config['genesys'],
    private readonly assertions: AssertionSource | undefined,
  ) {
    this.url = tokenUrl(settings);
  }

  /**
   * Asks once.
   * @throws TokenRefusedError (bad credentials), TokenUnavailableError (`passing` when worth repeating), AssertionError.
   */
  async ask(signal: AbortSignal): Promise<GrantedToken> {
    const { clientId, clientSecret, timeoutMs } = this.settings;
    const form = await this.form();
    let answer: HttpAnswer;
    try {
      answer = await exchange(this.axios, {
        method: 'POST',
        url: this.url,
        headers: {
          // Standard base64 of the raw id:secret, as every official client sends it; RFC 6749 would form-encode both first.
          Authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`, 'utf8').toString('base64')}`,
          'Content-Type': 'application/x-www-form-urlencoded',
          Accept: 'application/json',
        },
        body: form.body,
        timeoutMs,
        maxBytes: MAX_BYTES,
        signal,
      });
    } catch (error) {
      throw this.unanswered(error);
    }
    return this.read(answer, form.hint, form.secrets);
  }

  private async form(): Promise<{ body: string; hint?: string; secrets: string[] }> {
    const { grant, clientSecret } = this.settings;
    if (grant.kind === 'client-credentials') {
      return { body: new URLSearchParams({ grant_type: 'client_credentials' }).toString(), secrets: [clientSecret] };
    }
    if (!this.assertions) throw new TypeError('the saml2-bearer grant needs an assertion source');
    const { encoded, hint } = await this.assertions.assertion();
    const fields = { grant_type: SAML2_BEARER, orgName: grant.orgName, assertion: encoded };
    const secrets = [clientSecret, encoded];
    return { body: new URLSearchParams(fields).toString(), secrets, ...(hint === undefined ? {} : { hint }) };
  }

  private unanswered(error: unknown): TokenUnavailableError {
    const what = error instanceof HttpFailure ? error.message : 'unexpected failure';
    const passing = error instanceof HttpFailure && error.kind !== 'too-large' && error.kind !== 'aborted';
    const message = `No token from ${this.url}: ${what}. Check GENESYS_ENVIRONMENT or GENESYS_LOGIN_URL if this lasts.`;
    return new TokenUnavailableError(message, { passing, cause: error });
  }

  private read(answer: HttpAnswer, hint: string | undefined, secrets: string[]): GrantedToken {
    if (answer.status === 200) return this.granted(answer);
    const said = whatGenesysSaid(answer.body, secrets);
    // 403 is not among the observed answers; like 400 and 401 it will not change by asking again.
    if ([400, 401, 403].includes(answer.status)) {
      throw new TokenRefusedError(
        `Genesys refused the credentials (${answer.status} ${said}). Check ${this.variables()}.${hint === undefined ? '' : ` ${hint}`}`,
      );
    }
    const message = `No token from ${this.url}: answer ${answer.status} ${said}`;
    if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
      throw new TokenUnavailableError(message, {
        passing: true,
        retryAfterMs: retryAfterMs(answer.header('retry-after')),
      });
    }
    throw new TokenUnavailableError(`${message}; expected 200. Check GENESYS_ENVIRONMENT or GENESYS_LOGIN_URL.`);
  }

  private granted(answer: HttpAnswer): GrantedToken {
    const body = parse(answer.body);
    const { access_token: value, token_type: type, expires_in: life } = body;
    // What is not visible ASCII would not survive in a header.
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
      throw new TokenUnavailableError(
        `${this.url} answered 200 without a usable access_token. Check GENESYS_LOGIN_URL.`,
      );
    }
    if (typeof type === 'string' && type.toLowerCase() !== 'bearer') {
      throw new TokenUnavailableError(
        `${this.url} gave a token of type "${type.slice(0, 20)}"; only bearer is supported.`,
      );
    }
    const seconds = Number(life ?? DEFAULT_LIFE_S);
    return { value, expiresInS: seconds > 0 && Number.isFinite(seconds) ? seconds : DEFAULT_LIFE_S };
  }

  /** The likeliest first. */
  private variables(): string {
    const { grant } = this.settings;
    const client =
      'GENESYS_ENVIRONMENT (a wrong region refuses them, too), GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_GRANT';
    if (grant.kind === 'client-credentials') return client;
    const saml =
      grant.assertion.kind === 'file'
        ? `the assertion in GENESYS_SAML_ASSERTION_FILE (${grant.assertion.file})`
        : 'GENESYS_SAML_ISSUER, GENESYS_SAML_NAME_ID, GENESYS_SAML_AUDIENCE, and that Genesys trusts GENESYS_SAML_CERT_FILE';
    return `${client}, GENESYS_ORG_NAME ("${grant.orgName}"), ${saml}`;
  }
}

export function tokenUrl(settings: Config['genesys']): string {
  return `${settings.loginUrl.replace(/\/+$/, '')}/oauth/token`;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not JSON is an answer without any of the fields: the caller says what is missing.
    return {};
  }
}

/** `error` and its description, shortened, and without anything secret that the answer may repeat. */
function whatGenesysSaid(text: string, secrets: string[]): string {
  const body = parse(text);
  const words = [body.error, body.error_description ?? body.description].filter((word) => typeof word === 'string');
  let said = words.join(': ');
  for (const secret of secrets) if (secret !== '') said = said.replaceAll(secret, '[redacted]');
  return said === '' ? 'without a reason' : oneLine(said.slice(0, 200));
}
