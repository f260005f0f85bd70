import { once } from 'node:events';
import { EMPTY, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import type { FeedItem } from './conversation-feed.js';
import { ConversationStream } from './conversation-stream.js';
import { FieldSelection } from './field-selection.js';

const ALL = new FieldSelection([], []);
const event = (fields: Record<string, unknown>, eventType = 'acw'): FeedItem => ({
  kind: 'event',
  event: { id: 'i', conversationId: 'c', eventType, timestamp: 't', fields },
});

describe('ConversationStream', () => {
  let closed = 0;
  let stream: ConversationStream;
  const open = (heartbeatMs = 15_000): ConversationStream => {
    closed = 0;
    stream = new ConversationStream(ALL, {}, () => (closed += 1), heartbeatMs);
    return stream;
  };
  afterEach(async () => {
    if (stream.state === 'closed') return;
    stream.body.destroy();
    await once(stream.body, 'close');
  });

  it('shows signs of life while it is quiet', async () => {
    open(5).follow(NEVER);
    let text = '';
    for await (const chunk of stream.body) {
      text += String(chunk);
      if (text.split(': heartbeat\n\n').length > 3) break;
    }
    expect(text).toMatch(/^: conversation events\nretry: 3000\n\n(: heartbeat\n\n){3}/);
    // Leaving the loop destroys the body; its close comes a moment later.
    await new Promise(setImmediate);
    expect([stream.state, closed]).toEqual(['closed', 1]);
  });

  it('lets go of its source when the reader has gone', async () => {
    const source = new Subject<FeedItem>();
    open().follow(source);
    expect(source.observed).toBe(true);
    stream.body.destroy();
    await once(stream.body, 'close');
    expect([source.observed, closed]).toEqual([false, 1]);
  });

  it('throws what the source refuses with, and leaves nothing behind', async () => {
    open();
    expect(() => stream.follow(throwError(() => new Error('no room')))).toThrow('no room');
    await once(stream.body, 'close');
    expect(stream.state).toBe('closed');
  });

  it('has its own names win over fields of the same name', async () => {
    open().follow(new Observable((reader) => reader.next(event({ eventType: 'forged', conversationId: 'x', a: 1 }))));
    stream.end('code', 'why', 1_000);
    let text = '';
    for await (const chunk of stream.body) text += String(chunk);
    expect(text).toContain(
      'id: i\nevent: acw\ndata: {"conversationId":"c","eventType":"acw","timestamp":"t","a":1}\n\n',
    );
    expect(text).toMatch(/event: error\ndata: {"code":"code","message":"why"}\n\n$/);
  });

  it('cuts off a reader that does not take its last word', async () => {
    open().follow(of(event({})));
    stream.end('code', 'why', 10);
    stream.end('again', 'ignored', 10);
    await once(stream.body, 'close');
    expect([stream.state, closed, stream.body.readableEnded]).toEqual(['closed', 1, false]);
  });

  it('ends when too much waits, and lets go of its source at once', () => {
    const source = new Subject<FeedItem>();
    open().follow(source);
    for (let n = 0; n < 1_000; n += 1) source.next(event({ n }));
    expect([stream.state, source.observed]).toEqual(['ending', false]);
  });

  it('outlives a source that ends', () => {
    open().follow(EMPTY);
    expect(stream.state).toBe('open');
  });
});
