import { PushDeviceError } from '../push.errors.js';
import { authorizationHeader, checkAuthorization } from './authorization.js';

describe('authorization of a subscription', () => {
  it.each([
    ['ZGVtbzo=', 'Basic ZGVtbzo='],
    [' ZGVtbzo= ', 'Basic ZGVtbzo='],
    [Buffer.from('jürgen:gehèim').toString('base64'), `Basic ${Buffer.from('jürgen:gehèim').toString('base64')}`],
    ['Basic ZGVtbzo=', 'Basic ZGVtbzo='],
    ['Bearer abc.def', 'Bearer abc.def'],
    ['Digest username="a", realm="b"', 'Digest username="a", realm="b"'],
    // No base64, none of "user:password", or not its one form: a token of the receiver's own.
    ['a-token-of-their-own', 'a-token-of-their-own'],
    ['ZGVtbw==', 'ZGVtbw=='],
    ['ZGVtbzo', 'ZGVtbzo'],
    ['eyJhbGciOiJIUzI1NiJ9.e30.x', 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
    ['/zo=', '/zo='],
    ['ZGVtbzoK', 'ZGVtbzoK'],
  ])('%j is sent as %j', (given, sent) => {
    expect(authorizationHeader(given)).toEqual({ authorization: sent });
    expect(() => checkAuthorization(given)).not.toThrow();
  });

  it('adds no header when there is none', () => {
    for (const none of [undefined, '', ' ']) {
      expect(authorizationHeader(none)).toEqual({});
      expect(() => checkAuthorization(none)).not.toThrow();
    }
  });

  it('refuses what no header can hold, without showing it', () => {
    for (const bad of [
      'Basic a\r\nX-Evil: 1',
      'Bearer s3cret\u0000',
      'Bearer gehéim',
      'Bearer \u{1f511}',
      'x'.repeat(8_193),
    ]) {
      expect(() => checkAuthorization(bad)).toThrow(PushDeviceError);
      expect(() => checkAuthorization(bad)).toThrow(/^authorization: must be at most 8192 visible ASCII characters/);
    }
  });
});
