import { recordIdOf } from './record.js';

describe('recordIdOf', () => {
  it('is pinned: another value would record interactions in flight twice', () => {
    expect(recordIdOf('0b0e7c0a-4d8a-4b64-8a5e-5f7f5a0f6b11')).toBe('0dcd7a40-9479-5379-805d-66d1f399fac8');
  });

  it('differs between interactions and is a UUID of version 5', () => {
    expect(recordIdOf('a')).not.toBe(recordIdOf('b'));
    expect(recordIdOf('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
