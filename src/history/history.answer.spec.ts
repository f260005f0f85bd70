import { outcomeOf, parseRetryAfter } from './history.answer.js';

const NOW = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');

describe('outcomeOf', () => {
  it.each([200, 201, 202, 204, 299, 409])('%i is delivered', (status) => {
    expect(outcomeOf(status, undefined)).toEqual({ kind: 'delivered', status });
  });

  it.each([400, 404, 405, 410, 413, 415, 422])('%i is refused for ever', (status) => {
    expect(outcomeOf(status, '5')).toEqual({
      kind: 'refused',
      code: `history.http-${status}`,
      message: `the history service answered ${status}`,
      status,
    });
  });

  it.each([301, 302, 307, 308, 401, 402, 403, 407, 408, 418, 425, 429, 431, 500, 502, 503, 504, 599])(
    '%i is tried again',
    (status) => {
      expect(outcomeOf(status, undefined)).toMatchObject({ kind: 'retry', code: `history.http-${status}`, status });
    },
  );

  it('hands on what the receiver asked for, and nothing when it asked for nothing', () => {
    expect(outcomeOf(503, '120')).toMatchObject({ kind: 'retry', retryAfterMs: 120_000 });
    expect(outcomeOf(503, undefined)).not.toHaveProperty('retryAfterMs');
  });
});

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['Wed, 21 Oct 2026 07:29:00 GMT', 60_000],
    ['Wed, 21 Oct 2026 07:00:00 GMT', 0],
  ])('%s', (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });

  it.each(['', '-1', '1.5', 'soon', '2026-10-21', '99999999999', 'Wednesday?'])('"%s" is neither', (value) => {
    expect(parseRetryAfter(value, NOW)).toBeUndefined();
  });
});
