import { testConfig } from '../../config/testing/test-config.js';
import { PushDeviceError } from '../push.errors.js';
import { AddressPolicy } from './address-policy.js';
import { FORBIDDEN_ADDRESSES, FORBIDDEN_URLS, PERMITTED_URLS, urlsAt } from './testing/ssrf-corpus.js';

const policyOf = (hosts = ''): AddressPolicy => new AddressPolicy(testConfig({ PUSH_ALLOWED_HOSTS: hosts }));
const accepts = (policy: AddressPolicy, url: string): boolean => {
  try {
    policy.parse(url);
    return true;
  } catch (error) {
    if (error instanceof PushDeviceError) return false;
    throw error;
  }
};

describe('AddressPolicy', () => {
  const policy = policyOf();

  it('has a corpus of more than 80 forms', () => {
    expect(urlsAt(9999).length).toBeGreaterThan(120);
  });

  it.each(Object.entries(FORBIDDEN_URLS))('refuses %s', (_, urls) => {
    const taken = urls.map((url) => url.replaceAll('{port}', '9999')).filter((url) => accepts(policy, url));
    expect(taken).toEqual([]);
  });

  it('takes public hosts', () => {
    expect(PERMITTED_URLS.filter((url) => !accepts(policy, url))).toEqual([]);
  });

  it('refuses what it knows to be special, and what it does not know, of the addresses that names lead to', () => {
    expect(FORBIDDEN_ADDRESSES.filter((address) => policy.permits(address, 'example.com'))).toEqual([]);
    expect(['8.8.8.8', '2606:4700::1111'].filter((address) => !policy.permits(address, 'example.com'))).toEqual([]);
  });

  it('names the field, the host and the way out, and neither the path nor a secret', () => {
    const refused = (url: string): unknown => {
      try {
        return policy.parse(url);
      } catch (error) {
        return error;
      }
    };
    expect(refused('http://0x7f.1/secret')).toMatchObject({
      code: 'push.device-invalid',
      status: 400,
      message:
        'notificationDetails.deviceId: 127.0.0.1 cannot be called: is no public address; PUSH_ALLOWED_HOSTS can allow the host',
    });
    expect(refused('http://user:word@example.com/')).toMatchObject({
      message: expect.not.stringMatching(/word@/),
    });
  });

  describe('with PUSH_ALLOWED_HOSTS', () => {
    const takes = (hosts: string, urls: string[]): boolean[] => {
      const listed = policyOf(hosts);
      return urls.map((url) => accepts(listed, url));
    };

    it('takes names as they are, in any case, with or without the last dot', () => {
      const urls = ['http://ors:7210/', 'http://ORS./', 'http://a.ors/', 'http://orsx/'];
      expect(takes('Ors', urls)).toEqual([true, true, true, false]);
      expect(takes('localhost', ['http://localhost:1/', 'http://a.localhost/', 'http://127.0.0.1/'])).toEqual([
        true,
        false,
        false,
      ]);
    });

    it('takes the hosts of a domain, and not the domain itself', () => {
      const urls = ['http://a.localhost/', 'http://a.b.LOCALHOST./', 'http://localhost/', 'http://xlocalhost/'];
      expect(takes('*.localhost', urls)).toEqual([true, true, false, false]);
      expect(takes('*.0.0.1', ['http://127.0.0.1/'])).toEqual([false]);
    });

    it('takes addresses in all their forms, and only themselves', () => {
      expect(takes('127.0.0.1', ['http://127.1/', 'http://127.0.0.2/', 'http://[::ffff:127.0.0.1]/'])).toEqual([
        true,
        false,
        false,
      ]);
      expect(takes('[0:0::1]', ['http://[::1]/', 'http://[::2]/'])).toEqual([true, false]);
      expect(takes('FD00::1', ['http://[fd00:0::1]/'])).toEqual([true]);
    });

    it('lets listed names lead anywhere and other names to listed addresses', () => {
      const listed = policyOf('ors,10.0.0.1');
      expect(listed.permits('192.168.0.1', 'ors')).toBe(true);
      expect(listed.permits('10.0.0.1', 'example.com')).toBe(true);
      expect(listed.permits('10.0.0.2', 'example.com')).toBe(false);
    });

    it('takes every host and port with *, and still neither other schemes nor user info', () => {
      const urls = ['http://127.0.0.1/', 'http://localhost:22/', 'http://ors/', 'http://[fe80::1]/'];
      expect(takes('*', urls)).toEqual([true, true, true, true]);
      expect(takes('*', ['file:///etc/passwd', 'http://a:b@example.com/', 'http://a:0/'])).toEqual([
        false,
        false,
        false,
      ]);
    });
  });
});
