import { randomBytes } from 'node:crypto';
import { testConfig } from '../../config/testing/test-config.js';
import { SecretBox, SecretUnreadableError } from './secret-box.js';

const [OLD, NEW] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const boxOf = (keys: string): SecretBox => new SecretBox(testConfig({ PUSH_SECRET_KEYS: keys }));

describe('SecretBox', () => {
  const box = boxOf(NEW);

  it('opens what it has sealed', () => {
    for (const clear of ['', 'Basic ZGVtbzo=', 'ключ 🔑', 'x'.repeat(100_000)]) {
      expect(box.open(box.seal(clear, 'subscription-1'), 'subscription-1')).toBe(clear);
    }
  });

  it('seals the same secret differently each time, and shows nothing of it', () => {
    const sealed = Array.from({ length: 100 }, () => box.seal('Basic ZGVtbzo=', 'a'));
    expect(new Set(sealed).size).toBe(100);
    for (const text of sealed) expect(text).toMatch(/^enc:v1:[0-9a-f]{8}:[A-Za-z0-9_-]{56}$/);
  });

  it('tells sealed secrets from clear ones', () => {
    expect(SecretBox.isSealed(box.seal('x', 'a'))).toBe(true);
    expect(SecretBox.isSealed('Basic ZGVtbzo=')).toBe(false);
  });

  it('opens nothing elsewhere than where it was sealed for', () => {
    const sealed = box.seal('secret', 'subscription-1');
    expect(() => box.open(sealed, 'subscription-2')).toThrow(SecretUnreadableError);
  });

  it('notices every changed character', () => {
    const sealed = box.seal('secret', 'a');
    const start = 'enc:v1:'.length;
    for (let at = start; at < sealed.length; at++) {
      const changed = sealed.slice(0, at) + (sealed[at] === '0' ? '1' : '0') + sealed.slice(at + 1);
      expect(() => box.open(changed, 'a')).toThrow(SecretUnreadableError);
    }
    for (const bad of ['', 'enc:v1:', 'enc:v1:00000000:AAAA', 'enc:v2:00000000:AAAA', sealed.slice(0, -10)]) {
      expect(() => box.open(bad, 'a')).toThrow(SecretUnreadableError);
    }
  });

  it('opens with every key and seals with the first', () => {
    const old = boxOf(OLD);
    const both = boxOf(`${NEW},${OLD}`);
    expect(both.open(old.seal('secret', 'a'), 'a')).toBe('secret');
    expect(box.open(both.seal('secret', 'a'), 'a')).toBe('secret');
  });

  it('names the variable to look at when the key is gone', () => {
    const sealed = boxOf(OLD).seal('secret', 'a');
    expect(() => box.open(sealed, 'a')).toThrow(/PUSH_SECRET_KEYS has no such key/);
    const derived = (secret: string): SecretBox => new SecretBox(testConfig({ GENESYS_CLIENT_SECRET: secret }));
    const before = derived('before').seal('secret', 'a');
    expect(derived('before').open(before, 'a')).toBe('secret');
    expect(() => derived('after').open(before, 'a')).toThrow(/GENESYS_CLIENT_SECRET has changed/);
  });
});
