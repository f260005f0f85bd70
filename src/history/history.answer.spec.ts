import { outcomeOf } from './history.answer.js';

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
    expect(outcomeOf(503, '72000')).toMatchObject({ retryAfterMs: 72_000_000 });
    expect(outcomeOf(503, '864000')).toMatchObject({ retryAfterMs: 86_400_000 });
    expect(outcomeOf(503, 'Wed, 21 Oct 2026 07:29:00 GMT', NOW)).toMatchObject({ retryAfterMs: 60_000 });
    expect(outcomeOf(503, undefined)).not.toHaveProperty('retryAfterMs');
  });
});
