import { jest } from '@jest/globals';
import { Logs } from '../telemetry/logs.js';
import { DeadLetterLog } from './dead-letter-log.js';
import type { Settlement, Sink } from './sink.js';

type Line = Record<string, unknown>;

describe('DeadLetterLog', () => {
  let lines: Line[];
  let stop: AbortController;
  let log: DeadLetterLog;

  beforeEach(() => {
    jest.useFakeTimers();
    lines = [];
    stop = new AbortController();
    const logs = Logs.to({ level: 'info', format: 'json' }, { write: (line) => lines.push(JSON.parse(line) as Line) });
    const sink = { about: ({ id }: { id: string }) => ({ record: id }) } as Partial<Sink> as Sink;
    log = new DeadLetterLog(sink, logs.of('delivery', { sink: 'history' }), stop.signal);
  });
  afterEach(() => jest.useRealTimers());

  const settled = (id: string, but: Partial<Settlement> = {}): Settlement => ({
    delivery: { id } as Settlement['delivery'],
    state: 'dead',
    attempts: 3,
    at: 1,
    error: { code: 'history.http-422', message: 'the history service answered 422' },
    status: 422,
    answer: '{"code":"E-1","message":"Mr. Miller is unknown"}',
    ...but,
  });

  it('says of each what it is, why it was given up and what the receiver answered, without its words', () => {
    log.note([settled('r-1'), settled('r-2', { state: 'retry' }), settled('r-3', { state: 'delivered' })]);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        sink: 'history',
        record: 'r-1',
        attempts: 3,
        reason: 'history.http-422',
        status: 422,
        answer: '{"code":"E-1","message":"***"}',
      }),
    ]);
  });

  it('counts a burst instead of telling of each, by the reasons', () => {
    log.note(Array.from({ length: 9_000 }, (_, i) => settled(`a-${i}`)));
    log.note(Array.from({ length: 1_000 }, (_, i) => settled(`b-${i}`, { error: { code: 'other', message: '' } })));
    expect(lines).toHaveLength(10);
    jest.advanceTimersByTime(10_000);
    expect(lines).toHaveLength(11);
    expect(lines[10]).toMatchObject({
      level: 'warn',
      count: 9_990,
      reasons: { 'history.http-422': 8_990, other: 1_000 },
    });
    jest.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(11);
    log.note([settled('later')]);
    expect(lines[11]).toMatchObject({ record: 'later' });
  });

  it('says what it has counted when the service stops', () => {
    log.note(Array.from({ length: 12 }, (_, i) => settled(`a-${i}`)));
    stop.abort();
    expect(lines.at(-1)).toMatchObject({ count: 2 });
    expect(jest.getTimerCount()).toBe(0);
  });
});
