import { randomBytes } from 'node:crypto';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { signatureHeaders } from './signature.js';

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e';

describe('signatureHeaders', () => {
  const [first, second, stranger] = [randomBytes(24), randomBytes(64), randomBytes(32)];
  const check = (secret: Buffer, body: string, headers: Record<string, string>): unknown =>
    new Webhook(secret.toString('base64')).verify(body, headers, { jsonParse: false });

  it.each(['{"a":"é 🔑"}', 'plain text', ''])('is taken by the reference library for %j', (body) => {
    const headers = signatureHeaders([first, second], ID, body);
    expect(headers['webhook-id']).toBe(ID);
    expect(() => check(first, body, headers)).not.toThrow();
    expect(() => check(second, body, headers)).not.toThrow();
    expect(() => check(stranger, body, headers)).toThrow(WebhookVerificationError);
    expect(() => check(first, `${body} `, headers)).toThrow(WebhookVerificationError);
    expect(() => check(first, body, { ...headers, 'webhook-id': 'other' })).toThrow(WebhookVerificationError);
  });

  it('bears the time of the attempt, so that old ones are not taken', () => {
    const headers = signatureHeaders([first], ID, 'x', Date.now() - 6 * 60_000);
    expect(() => check(first, 'x', headers)).toThrow(/timestamp too old/);
    expect(signatureHeaders([first], ID, 'x', 1_700_000_000_999)['webhook-timestamp']).toBe('1700000000');
  });

  it('agrees with the vector of the specification', () => {
    const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    expect(
      signatureHeaders([secret], 'msg_p5jXN8AQM9LWM0D4loKWxJek', '{"test": 2432232314}', 1_614_265_330_000),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('signs nothing without a secret', () => {
    expect(signatureHeaders([], ID, 'x')).toEqual({});
  });
});
