import { parseFrame } from './frame.js';

describe('parseFrame', () => {
  const system = (topicName: string, eventBody: unknown = {}): string => JSON.stringify({ topicName, eventBody });

  it.each([
    ['a heartbeat', system('channel.metadata', { message: 'WebSocket Heartbeat' }), { kind: 'heartbeat' }],
    [
      'a heartbeat in another case',
      system('Channel.Metadata', { message: 'websocket heartbeat' }),
      { kind: 'heartbeat' },
    ],
    ['a pong', system('channel.metadata', { message: 'pong' }), { kind: 'pong' }],
    ['unknown metadata', system('channel.metadata', { message: 'hello' }), { kind: 'other' }],
    ['metadata without a body', system('channel.metadata', null), { kind: 'other' }],
    ['a closing', system('v2.system.socket_closing', { reason: 'maintenance' }), { kind: 'closing' }],
    ['a revoked token', system('v2.system.token_revoked.1'), { kind: 'token-revoked' }],
    ['an unknown system topic', system('v2.system.news.1'), { kind: 'other' }],
    ['a change of subscriptions', system('v2.subscription.updated'), { kind: 'other' }],
    [
      'a lost subscription, named by topic',
      system('v2.system.no_longer_subscribed.streaming-0-a'),
      { kind: 'no-longer-subscribed', channelId: 'streaming-0-a' },
    ],
    [
      'a lost subscription, named by body',
      system('v2.system.no_longer_subscribed.x', { channelId: 'streaming-0-b' }),
      { kind: 'no-longer-subscribed', channelId: 'streaming-0-b' },
    ],
    [
      'a lost subscription, under a name with another part before it',
      system('v2.system.channel.no_longer_subscribed.streaming-0-a'),
      { kind: 'no-longer-subscribed', channelId: 'streaming-0-a' },
    ],
    [
      'a lost subscription, in capitals and of no channel',
      system('v2.system.NO_LONGER_SUBSCRIBED'),
      { kind: 'no-longer-subscribed', channelId: undefined },
    ],
    ['a closing that names its channel', system('v2.system.socket_closing.streaming-0-a'), { kind: 'closing' }],
    ['a revoked token, under a longer name', system('v2.system.x.token_revoked.1'), { kind: 'token-revoked' }],
    [
      'an event whose topic only looks like a system message',
      system('v2.detail.events.conversation.socket_closing.acw'),
      { kind: 'event', topic: 'v2.detail.events.conversation.socket_closing.acw', body: {} },
    ],
    [
      'an event',
      system('v2.detail.events.conversation.1.acw', { userId: 'u' }),
      { kind: 'event', topic: 'v2.detail.events.conversation.1.acw', body: { userId: 'u' } },
    ],
    [
      'a reply',
      '{"correlationId":"12","topics":["t"],"result":"200","status":"subscribed","message":"ok"}',
      { kind: 'reply', correlationId: '12', result: '200', message: 'ok' },
    ],
    [
      'a numeric result',
      '{"result":404}',
      { kind: 'reply', correlationId: undefined, result: '404', message: undefined },
    ],
    ['broken JSON', '{"topicName":', { kind: 'malformed' }],
    ['an array', '[]', { kind: 'malformed' }],
    ['a bare word', '"ping"', { kind: 'malformed' }],
    ['an object of no known shape', '{"hello":1}', { kind: 'malformed' }],
    ['a topic that is no text', '{"topicName":7,"eventBody":{}}', { kind: 'malformed' }],
  ])('reads %s', (_name, text, frame) => {
    expect(parseFrame(text)).toEqual(frame);
  });
});
