import type { Answer, Seen } from './push-service.js';

export const FCM_TOKEN_PATH = '/token';

/** Google's form of an error. `own` is FCM's code in the details. */
export function fcmError(status: number, word: string, own?: string, headers: Record<string, string> = {}): Answer {
  const details =
    own === undefined ? [] : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: own }];
  return { status, headers, body: { error: { code: status, status: word, message: 'as the test wants it', details } } };
}

/** Google's token endpoint and FCM in one: takes the tokens that it has given, from number `validFrom` on. */
export class FakeFcm {
  granted = 0;
  validFrom = 1;
  send: (seen: Seen) => Answer = () => ({ status: 200, body: { name: 'projects/p/messages/1' } });
  grant: () => Answer = () => ({
    status: 200,
    body: { access_token: `access-${String(this.granted)}`, expires_in: 3_599 },
  });

  readonly answer = (seen: Seen): Answer => {
    if (seen.path === FCM_TOKEN_PATH) {
      this.granted++;
      return this.grant();
    }
    const number = Number(/^Bearer access-(\d+)$/.exec(String(seen.headers.authorization))?.[1]);
    return number >= this.validFrom ? this.send(seen) : fcmError(401, 'UNAUTHENTICATED');
  };
}
