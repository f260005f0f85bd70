import { shapeOf, withoutSecrets } from './mask.js';

describe('withoutSecrets', () => {
  it.each([
    ['the token history-token-1 is wrong', 'the token *** is wrong'],
    ['Authorization: Bearer abc.def-123456', /^Authorization[^a]*$/],
    ['{"access_token":"hush-1","reason":"too old"}', '{"access_token":"***","reason":"too old"}'],
    ['{"apiKey": "hu\\"sh", "n": 1}', '{"apiKey": "***", "n": 1}'],
    ['password=hush&user=me', 'password="***"&user=me'],
    ['see https://me:hush@host/x', 'see https://***@host/x'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'jwt ***'],
    ['-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----', '***'],
    ['subject is longer than 100 characters', 'subject is longer than 100 characters'],
  ])('of %s', (text, left) => {
    const masked = withoutSecrets(text, ['history-token-1']);
    if (typeof left === 'string') expect(masked).toBe(left);
    else expect(masked).toMatch(left);
    expect(masked).not.toContain('hush');
  });

  it('is done with a hostile text at once', () => {
    for (const part of ['a', 'token', 'eyJ', '//x', '"', 'Bearer ']) {
      const startedAt = performance.now();
      withoutSecrets(part.repeat(4_096).slice(0, 4_096), []);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
    }
  });
});

describe('shapeOf', () => {
  it('keeps codes and the names of fields, and nothing that may be of a customer', () => {
    const answer = JSON.stringify({
      code: 'E-77',
      message: 'Mr. Miller is unknown',
      customerId: 'C-1',
      errors: [{ field: 'subject', value: 'Invoice 77', limit: 100 }],
      status: 422,
      retry: false,
    });
    expect(JSON.parse(shapeOf(answer))).toEqual({
      code: 'E-77',
      message: '***',
      customerId: '***',
      errors: [{ field: 'subject', value: '***', limit: '***' }],
      status: 422,
      retry: false,
    });
    expect(shapeOf('Mr. Miller is unknown')).toBe('*** (21 characters)');
    expect(shapeOf(JSON.stringify({ code: 'Mr. Miller', 'Mr. Miller': 1 }))).not.toContain('Miller');
    expect(shapeOf(JSON.stringify(Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`k${i}`, 1]))))).toMatch(
      /^.{1,300}$/,
    );
  });
});
