import { once } from 'node:events';
import { SseBody } from './sse-body.js';
import { sseText } from './sse-text.js';

async function textOf(body: SseBody): Promise<string> {
  let text = '';
  for await (const chunk of body) text += String(chunk);
  return text;
}

describe('SseBody', () => {
  it('gives everything in order, however much comes before the reader', async () => {
    const body = new SseBody();
    const texts = Array.from({ length: 900 }, (_, n) => `${n}:${'x'.repeat(100)}\n`);
    for (const text of texts) expect(body.offer(text)).toBe(true);
    body.finish('end');
    expect(await textOf(body)).toBe(`${texts.join('')}end`);
  });

  it.each([
    ['events', { events: 3, bytes: 1_000_000 }],
    ['bytes', { events: 1_000, bytes: 60_000 }],
  ])('takes no more than so many %s that wait', (_, limits) => {
    const body = new SseBody(limits);
    // Node.js itself takes the first 16 KiB or so before the queue begins to fill.
    let taken = 0;
    while (body.offer('y'.repeat(20_000))) taken += 1;
    expect(taken).toBe(3);
    expect(body.isDrained).toBe(false);
  });

  it('drops what waits for a reader that was too slow, and ends behind the last word', async () => {
    const body = new SseBody({ events: 2, bytes: 1_000_000 });
    while (body.offer('y'.repeat(20_000)));
    body.finish('last', { dropQueue: true });
    expect(body.offer('after the end')).toBe(true);
    expect(await textOf(body)).toBe('last');
  });

  it('goes on when the reader comes back', async () => {
    const body = new SseBody();
    const chunks: string[] = [];
    body.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    body.offer('one');
    body.pause();
    body.offer('two');
    body.resume();
    body.finish('three');
    await once(body, 'end');
    expect(chunks.join('')).toBe('onetwothree');
  });
});

describe('sseText', () => {
  it('is an event of one line each', () => {
    expect(sseText('user.end', { a: 'x\ny' }, 'i1')).toBe('id: i1\nevent: user.end\ndata: {"a":"x\\ny"}\n\n');
    expect(sseText('a\r\nevent: b', {}, 'i\n\0')).toBe('id: i  \nevent: a  event: b\ndata: {}\n\n');
  });
});
