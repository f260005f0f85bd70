import { exchange, type HttpAnswer } from '../../../src/common/http-exchange.js';
import { type Check, failure, ok, reasonOf, type Verdict, warning } from '../check.js';

/** Nothing of the body is read. */
const MAX_BYTES = 64 * 1024;

/** Reached with HEAD, which changes nothing: whatever answers is there. No record is sent. */
export const history: Check = {
  name: 'history',
  needs: ['configuration'],
  async run(on, signal) {
    const { url, token, timeoutMs } = on.config.history;
    const where = placeOf(url);
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    try {
      const answer = await exchange(on.axios, { method: 'HEAD', url, headers, timeoutMs, maxBytes: MAX_BYTES, signal });
      return judged(where, answer, token !== undefined);
    } catch (error) {
      return failure(
        `${where} cannot be reached: ${reasonOf(error)}`,
        'Check HISTORY_URL, DNS, proxy and firewall. Until it is there records wait in the database.',
      );
    }
  },
};

function judged(where: string, { status }: HttpAnswer, withToken: boolean): Verdict {
  const text = `${where} answers ${status} to HEAD`;
  const facts = { status };
  if (status === 401 || status === 403) {
    const sent = withToken
      ? 'HISTORY_TOKEN was sent: it may be wrong, or good for POST only'
      : 'no HISTORY_TOKEN is set, so none was sent';
    return warning(
      `${text}: it is there, and ${sent}`,
      'Records would be tried again until it lets them in. --send-sample tells for sure.',
      { facts },
    );
  }
  if (status >= 300 && status < 400) {
    return warning(
      `${text}: it redirects, which is not followed, since the token would go along`,
      'Let HISTORY_URL name the place itself.',
      { facts },
    );
  }
  if (status >= 500)
    return warning(`${text}: it is there, and out of order`, 'Records would wait, and be tried again.', { facts });
  if (status !== 404) return ok(`${text}: it is there`, { facts });
  return ok(`${text}: it is there`, {
    facts,
    more: ['Those that take POST alone answer so, and so does a wrong path: --send-sample tells.'],
  });
}

/** Without what may be a secret. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
