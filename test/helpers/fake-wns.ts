import type { Answer, Seen } from './push-service.js';

export const WNS_TOKEN_PATH = '/accesstoken.srf';

/** Microsoft's token endpoint and WNS in one: takes the tokens that it has given, from number `validFrom` on. */
export class FakeWns {
  granted = 0;
  validFrom = 1;
  send: (seen: Seen) => Answer = () => ({ status: 200, headers: { 'X-WNS-NotificationStatus': 'received' } });
  grant: () => Answer = () => ({
    status: 200,
    body: { access_token: `wns-${String(this.granted)}`, token_type: 'bearer', expires_in: 86_400 },
  });

  readonly answer = (seen: Seen): Answer => {
    if (seen.path === WNS_TOKEN_PATH) {
      this.granted++;
      return this.grant();
    }
    const number = Number(/^Bearer wns-(\d+)$/.exec(String(seen.headers.authorization))?.[1]);
    return number >= this.validFrom ? this.send(seen) : { status: 401 };
  };
}
