import type { CometSessions } from '../comet/comet-sessions.service.js';
import { PushDeviceError } from '../push.errors.js';
import { CometPublisher } from './comet.publisher.js';
import type { Device, PushMessage } from './publisher.js';

const device = (deviceId: string): Device => ({
  type: 'comet',
  deviceId,
  properties: {},
  debug: false,
  providerName: 'default',
});
const message = (text: string): PushMessage => ({ id: 'id-1', tag: 'ors.agent.1', text, publishedAt: 0 });
const never = new AbortController().signal;

/** Sessions that note what they are given; the real ones have their own suite, test/push/comet.e2e-spec.ts. */
function publisherWith(given: boolean): { publisher: CometPublisher; sent: unknown[][] } {
  const sent: unknown[][] = [];
  const sessions = {
    send: (user: string, data: unknown) => {
      sent.push([user, data]);
      return Promise.resolve(given);
    },
  };
  return { publisher: new CometPublisher(sessions as unknown as CometSessions), sent };
}

describe('CometPublisher', () => {
  it.each([
    ['plain text', 'plain text'],
    ['', ''],
    ['42', '42'],
    ['{"a":{"b":1}}', { a: { b: 1 } }],
    [' [1,2]', [1, 2]],
    ['{not json', '{not json'],
  ])('sends %j as message %j', async (text, content) => {
    const { publisher, sent } = publisherWith(true);
    await expect(publisher.publish(message(text), device('alice'), never)).resolves.toEqual({
      kind: 'sent',
      status: 200,
    });
    expect(sent).toEqual([['alice', { id: 'id-1', tag: 'ors.agent.1', message: content }]]);
  });

  it('tries again later when no session took it', async () => {
    const { publisher } = publisherWith(false);
    await expect(publisher.publish(message('x'), device('alice'), never)).resolves.toMatchObject({
      kind: 'retry',
      code: 'push.comet-not-received',
    });
  });

  it('needs a user, and says which header names it', () => {
    const { publisher } = publisherWith(true);
    expect(publisher.check(device('alice'))).toBeUndefined();
    for (const bad of ['', 'x'.repeat(257), 'a\nb']) {
      expect(() => publisher.check(device(bad))).toThrow(PushDeviceError);
      expect(() => publisher.check(device(bad))).toThrow('the header gms_user');
    }
    expect(publisher.destinationOf(device('alice'))).toBe('comet:alice');
  });
});
