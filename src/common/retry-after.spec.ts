import { retryAfterMs } from './retry-after.js';

describe('retryAfterMs', () => {
  const now = Date.parse('2026-03-02T10:00:00Z');

  it.each([
    ['42', 42_000],
    [' 0 ', 0],
    ['7200', 7_200_000],
    ['99999999', 86_400_000],
    ['Mon, 02 Mar 2026 10:00:30 GMT', 30_000],
    ['Mon, 02 Mar 2026 09:00:00 GMT', 0],
    ['Monday, 02-Mar-26 10:00:30 GMT', 30_000],
    ['Mon Mar  2 10:00:30 2026', 30_000],
  ])('reads %j', (header, ms) => expect(retryAfterMs(header, now)).toBe(ms));

  it.each([undefined, '', '-5', '1.5', 'soon', 'Mon, soon', '1e3', '2026-03-03', 'Monday?'])(
    'does not guess at %j',
    (header) => expect(retryAfterMs(header, now)).toBeUndefined(),
  );
});
