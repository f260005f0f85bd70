import { readMessage, subscriptionFor } from './direct-messages.js';
import { DIRECT_TIMINGS, retryDelay } from './direct-state.js';

const request = (conversationIds: string[], include: string[] = [], exclude: string[] = []) => ({
  conversationIds,
  eventTypes: [],
  include,
  exclude,
});
const NAMED = ['conversationId', 'eventType', 'timestamp'];

describe('subscriptionFor', () => {
  const filtersOf = (...requests: ReturnType<typeof request>[]) =>
    subscriptionFor(requests).topics.map(({ filter }) => filter);

  it('asks for what one follower wants, as the tutorial does', () => {
    expect(subscriptionFor([request(['a'], ['message'], ['statusChanged'])])).toEqual({
      type: 'SubscriptionRequest',
      topics: [
        {
          type: 'ConversationEvent',
          filter: { conversationId: 'a', include: [...NAMED, 'message'], exclude: ['statusChanged'] },
        },
      ],
    });
  });

  it('asks for everything that anyone wants, and leaves out what nobody does', () => {
    expect(filtersOf(request(['a'], ['x'], ['p', 'q']), request(['b', 'a'], ['y'], ['q', 'r']))).toEqual([
      { conversationId: 'a', include: [...NAMED, 'x', 'y'], exclude: ['q'] },
      { conversationId: 'b', include: [...NAMED, 'x', 'y'], exclude: ['q'] },
    ]);
    expect(filtersOf(request(['a'], ['x']), request(['a']))).toEqual([{ conversationId: 'a', include: ['*'] }]);
    expect(filtersOf(request(['a'], ['x']), request([], ['y']))).toEqual([{ include: [...NAMED, 'x', 'y'] }]);
  });

  it('asks for all conversations when too many would be named', () => {
    const ids = Array.from({ length: 51 }, (_, n) => String(n));
    expect(filtersOf(request(ids.slice(1)))).toHaveLength(50);
    expect(filtersOf(request(ids))).toEqual([{ include: ['*'] }]);
  });

  it('never leaves out what every event needs', () => {
    expect(filtersOf(request(['a'], [], ['eventType', 'x']))).toEqual([
      { conversationId: 'a', include: ['*'], exclude: ['x'] },
    ]);
  });
});

describe('readMessage', () => {
  it('reads the three kinds of the tutorial', () => {
    expect(readMessage('{"type":"SubscriptionConfirmation","subscriptionId":"s"}', 0)).toEqual({ kind: 'confirmed' });
    const payload = { conversationId: 'C', eventType: 'MessageAdded', timestamp: '2026-01-31T12:00:00Z', message: {} };
    const text = JSON.stringify({ type: 'ConversationEvent', id: 'e', payload });
    expect(readMessage(text, 0)).toEqual({
      kind: 'event',
      event: {
        id: 'e',
        conversationId: 'c',
        eventType: 'MessageAdded',
        timestamp: '2026-01-31T12:00:00.000Z',
        fields: { message: {} },
      },
    });
  });

  it('keeps what looks like a token out of an error, and its length bounded', () => {
    const message = `bad token ${'aB3_'.repeat(10)} given ${'x '.repeat(500)}`;
    const read = readMessage(JSON.stringify({ type: 'Error', message }), 0);
    expect(read).toEqual({ kind: 'error', message: expect.stringMatching(/^bad token … given x x [x ]+$/) });
    expect(JSON.stringify(read).length).toBeLessThan(260);
  });

  it.each([
    'no json',
    'null',
    '[]',
    '7',
    '{}',
    '{"type":"Else"}',
    '{"type":"ConversationEvent"}',
    '{"type":"ConversationEvent","payload":[]}',
    '{"type":"ConversationEvent","payload":{"conversationId":7,"eventType":"x"}}',
    '{"type":"ConversationEvent","payload":{"conversationId":"c"}}',
  ])('takes %s for nothing', (text) => {
    expect(readMessage(text, 0)).toEqual({ kind: 'other' });
  });

  it('gives an event without id or time the same id each time, and the time of its arrival', () => {
    const text = JSON.stringify({ type: 'ConversationEvent', payload: { conversationId: 'c', eventType: 'x' } });
    const [first, second] = [readMessage(text, 0), readMessage(text, 1_000)];
    expect(first).toMatchObject({ event: { timestamp: '1970-01-01T00:00:00.000Z' } });
    const idOf = (message: typeof first): string | undefined =>
      message.kind === 'event' ? message.event.id : undefined;
    expect(idOf(second)).toBe(idOf(first));
    expect(idOf(first)).toMatch(/^[\w-]{22}$/);
  });
});

describe('retryDelay', () => {
  it('is 2 s, doubling, with up to 1 s more, and 60 s at most', () => {
    const waits = (random: number): number[] =>
      [0, 1, 2, 3, 4, 5, 99].map((failures) => retryDelay(DIRECT_TIMINGS, failures, () => random));
    expect(waits(0)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(waits(1)).toEqual([3_000, 5_000, 9_000, 17_000, 33_000, 60_000, 60_000]);
  });
});
