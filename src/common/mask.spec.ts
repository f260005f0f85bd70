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

  const TOKEN = 'abcdefgh/ijklmnopqrst+uv==';
  const query = encodeURIComponent(TOKEN);
  it.each([
    ['as JSON with escaped slashes', TOKEN.replaceAll('/', '\\/')],
    ['as JSON with escaped code points', TOKEN.replaceAll('=', '\\u003d').replaceAll('+', '\\u002B')],
    ['as JSON within JSON', JSON.stringify(JSON.stringify(TOKEN).replaceAll('/', '\\/')).slice(1, -1)],
    ['in HTML', TOKEN.replaceAll('=', '&#61;').replaceAll('/', '&#x2F;').replaceAll('+', '&plus;')],
    ['percent-encoded', query],
    ['percent-encoded twice, in small letters', encodeURIComponent(query).toLowerCase()],
    ['percent-encoded from end to end', [...Buffer.from(TOKEN)].map((byte) => `%${byte.toString(16)}`).join('')],
    ['in a query whose plus has become a space', TOKEN.replaceAll('+', ' ')],
    ...[0, 1, 2].flatMap((before) => {
      const bytes = Buffer.from(`${'.'.repeat(before)}${TOKEN} and more`);
      return [
        [`in base64, after ${String(before)} bytes`, bytes.toString('base64')],
        [`in base64 for URLs, after ${String(before)} bytes`, bytes.toString('base64url')],
      ];
    }),
  ])('of a secret that is written otherwise: %s', (_, written) => {
    const masked = withoutSecrets(`got <${written}>, no`, [TOKEN]);
    expect(masked).toContain('***');
    expect(masked).toMatch(/^got <.{0,24}>, no$/);
    // What is left of base64 is the ends that the secret shares with its neighbours.
    for (const piece of ['abcd', 'ijkl', 'qrst', written.slice(6, 14)]) expect(masked).not.toContain(piece);
  });

  it('of a secret that is known as it stands in a URL', () => {
    const known = ['K3y%2BWith%2FSl4sh%3D%3D', 'p%C3%A9p%C3%A9'];
    expect(withoutSecrets('K3y+With/Sl4sh== K3y With\\/Sl4sh== p\\u00e9p\u00e9 and more', known)).toBe(
      '*** *** *** and more',
    );
  });

  it('leaves everything else as it is written', () => {
    const text = 'a+b %41 \\u0041 &amp; 100% C:\\temp &unknown; %zz \ud83d\ude00';
    expect(withoutSecrets(text, [TOKEN])).toBe(text);
    expect(withoutSecrets(text, ['', ' ', '+'])).toBe(text);
  });

  it('is done with a hostile text at once', () => {
    for (const part of ['a', 'token', 'eyJ', '//x', '"', 'Bearer ', '%25', '%', '\\', '&amp;', '&', '\\u005c']) {
      const text = part.repeat(4_096).slice(0, 4_096);
      const startedAt = performance.now();
      withoutSecrets(text, [text, text.slice(1, 99), part]);
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
