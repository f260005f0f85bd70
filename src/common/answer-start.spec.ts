import { AnswerStart } from './answer-start.js';

function startOf(text: string, secrets: string[] = []): string | undefined {
  const start = new AnswerStart();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 100) start.add(bytes.subarray(at, at + 100));
  return start.text(secrets);
}

describe('AnswerStart', () => {
  it('keeps 2 KiB, whole characters and no U+0000', () => {
    expect(startOf('short\u0000')).toBe('short');
    expect(startOf('')).toBeUndefined();
    expect(startOf('x'.repeat(9_999))).toBe('x'.repeat(2_048));
    expect(startOf('€'.repeat(9_999))).toBe('€'.repeat(682));
    expect(startOf('\ufffd'.repeat(3))).toBe('\ufffd'.repeat(3));
  });

  it.each([2_040, 4_090])('has no piece of a secret that lies across byte %d', (at) => {
    const secret = 'hush-token-0123456789';
    // What is masked before makes room for what is read beyond the limit.
    const before = at > 2_048 ? secret.repeat(120).padEnd(at, '.') : '.'.repeat(at);
    expect(startOf(`${before}${secret} and more`, [secret])).not.toContain('hush');
  });

  it.each([1, 2, 3, 4, 5])('has no piece of one that is cut off %d characters into an escape', (length) => {
    const [start, escape] = ['hush-token', '\\u003d'];
    const before = 'hush-token=1 '.repeat(400).slice(0, 4_096 - start.length - length);
    expect(startOf(`${before}${start}${escape}1 and more`, ['hush-token=1'])).not.toContain('hush-');
  });
});
