import { deviceOf, pemPair, ProviderFiles } from '../../../test/helpers/provider-files.js';
import { TEST_CERTIFICATE, TEST_KEY } from '../../../test/helpers/push-service.js';
import { ConfigError } from '../../config/config-error.js';
import { testConfig } from '../../config/testing/test-config.js';
import { SecretBox } from '../secrets/secret-box.js';
import { ProviderSettings } from './provider-settings.js';

const ec = pemPair('ec');
const rsa = pemPair('rsa');
const box = new SecretBox(testConfig());

let files: ProviderFiles;

beforeEach(() => (files = new ProviderFiles()));
afterEach(() => files.remove());

/** The problems, without the variable's name that each begins with. */
function problemsOf(providers: unknown, env: Record<string, string> = {}): string[] {
  try {
    files.load(providers, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.every(({ variable }) => variable === 'PUSH_PROVIDERS_FILE')).toBe(true);
    return error.problems.map(({ allowed }) => allowed);
  }
  return [];
}

const tokenApp = (key: unknown): object => ({
  topic: 'com.example.app',
  keyId: 'KEY4567890',
  teamId: 'TEAM567890',
  key,
});

describe('PUSH_PROVIDERS_FILE', () => {
  it('gives settings by provider, type, and production or debug', () => {
    const key = { file: files.put('key.p8', ec.pem) };
    const account = JSON.stringify({ client_email: 'a@b.c', private_key: rsa.pem, project_id: 'p' });
    const settings = files.load(
      {
        default: {
          production: {
            ios: tokenApp(key),
            fcm: { serviceAccount: { env: 'ACCOUNT' } },
            customhttp: { url: 'https://c.example/in' },
          },
          debug: { customhttp: { url: 'http://debug:8080', authorization: box.seal('Bearer s', 'providers') } },
        },
        'my-app': {
          production: {
            ios: {
              topic: 'a.b',
              certificate: { file: files.put('c', TEST_CERTIFICATE) },
              key: { file: files.put('k', TEST_KEY) },
              expireS: 0,
            },
            wns: { clientId: 'id', clientSecret: { file: files.put('s', 'with a line break\r\n') } },
            orscb: { url: 'http://ors:7210' },
          },
        },
      },
      { ACCOUNT: account },
    );
    expect(settings.apns(deviceOf('ios', ''))).toMatchObject({
      topic: 'com.example.app',
      expireS: 86_400,
      credentials: { kind: 'token' },
    });
    expect(settings.apns(deviceOf('ios', ''))).toBe(settings.apns(deviceOf('ios', 'another')));
    expect(settings.fcm(deviceOf('android', ''))).toMatchObject({
      projectId: 'p',
      url: 'https://fcm.googleapis.com',
      account: { email: 'a@b.c', tokenUrl: 'https://oauth2.googleapis.com/token' },
    });
    expect(settings.customhttp(deviceOf('customhttp', ''))).toEqual({ url: 'https://c.example/in' });
    expect(settings.customhttp(deviceOf('customhttp', '', { debug: true }))).toEqual({
      url: 'http://debug:8080',
      authorization: 'Bearer s',
    });
    const mine = { providerName: 'my-app' };
    expect(settings.apns(deviceOf('ios', '', mine))).toMatchObject({
      expireS: 0,
      credentials: { kind: 'certificate' },
    });
    expect(settings.wns(deviceOf('wns', '', mine))).toMatchObject({
      clientSecret: 'with a line break',
      tokenUrl: 'https://login.live.com/accesstoken.srf',
      channelHosts: ['*.notify.windows.com'],
    });
    expect(settings.orscb(deviceOf('orscb', '', mine))).toEqual({ url: 'http://ors:7210' });
  });

  it('says which settings are missing, and where they belong; debug never falls back to production', () => {
    const settings = files.load({ default: { production: { orscb: { url: 'http://ors' } } } });
    const missing = (message: string): Error =>
      expect.objectContaining({ status: 400, message: expect.stringContaining(message) }) as Error;
    expect(() => settings.orscb(deviceOf('orscb', '', { debug: true }))).toThrow(
      missing('no debug settings for orscb; PUSH_PROVIDERS_FILE needs them under default.debug.orscb'),
    );
    expect(() => settings.fcm(deviceOf('gcm', '', { providerName: 'x' }))).toThrow(
      missing('provider "x" has no production settings for gcm'),
    );
    expect(() => settings.orscb(deviceOf('orscb', '', { providerName: '__proto__' }))).toThrow(
      missing('no production settings'),
    );
    const none = ProviderSettings.load(undefined, box, {});
    expect(() => none.apns(deviceOf('ios', ''))).toThrow(missing('default.production.ios'));
  });

  it('is refused with every problem and its path', () => {
    const problems = problemsOf({
      default: {
        production: {
          ios: { ...tokenApp('plain secret'), keyId: 'short', colour: 'red' },
          fcm: { serviceAccount: { file: '/does/not/exist' }, url: 'http://fcm.example' },
          fax: {},
        },
      },
      'bad name': {},
    });
    expect(problems).toEqual([
      expect.stringMatching(/^default\.production\.ios\.keyId: must be the key’s 10/),
      expect.stringMatching(/^default\.production\.ios\.key: must be {"file".*npm run encrypt/),
      expect.stringMatching(/^default\.production\.ios: Unrecognized key: "colour"/),
      expect.stringMatching(/^default\.production\.fcm\.url: must be an https URL/),
      expect.stringMatching(/^default\.production: Unrecognized key: "fax"/),
      expect.stringMatching(/^bad name: /),
    ]);
    expect(problems.join()).not.toContain('plain secret');
  });

  it('is refused when its secrets cannot be opened or used, all of them named', () => {
    const other = new SecretBox(testConfig({ PUSH_SECRET_KEYS: Buffer.alloc(32, 1).toString('base64') }));
    const wns = (clientSecret: unknown): object => ({ wns: { clientId: 'i', clientSecret } });
    expect(
      problemsOf({
        a: { production: wns({ env: 'NOT_SET' }), debug: wns({ file: '/does/not/exist' }) },
        b: { production: wns(other.seal('x', 'providers')), debug: wns(box.seal('x', 'elsewhere')) },
        c: {
          production: { ios: tokenApp({ file: files.put('rsa', rsa.pem) }) },
          debug: { ios: tokenApp({ file: files.put('no', 'no key') }) },
        },
        d: { production: { fcm: { serviceAccount: { file: files.put('x', '{}') } } } },
        e: {
          production: {
            ios: {
              topic: 'a',
              certificate: { file: files.put('c', TEST_CERTIFICATE) },
              key: { file: files.put('k', ec.pem) },
            },
          },
        },
        f: { production: { orscb: { url: 'http://o', authorization: { file: files.put('crlf', 'a\r\nb: c') } } } },
        g: {
          production: { orscb: { url: 'http://o', authorization: { file: files.put('big', 'x'.repeat(70_000)) } } },
        },
      }),
    ).toEqual([
      'a.production.wns.clientSecret: the environment variable NOT_SET is not set',
      expect.stringMatching(/^a\.debug\.wns\.clientSecret: .*ENOENT/),
      expect.stringMatching(/^b\.production\.wns\.clientSecret: .*GENESYS_CLIENT_SECRET has changed/),
      expect.stringMatching(/^b\.debug\.wns\.clientSecret: .*was moved/),
      expect.stringMatching(/^c\.production\.ios\.key: is no private key of the right kind/),
      expect.stringMatching(/^c\.debug\.ios\.key: is no private key in PEM form/),
      'd.production.fcm.serviceAccount: is no JSON key of a Google service account: look at client_email, private_key',
      'e.production.ios.key: does not belong to the certificate',
      'f.production.orscb.authorization: cannot stand in a header: visible ASCII characters only',
      expect.stringMatching(/^g\.production\.orscb\.authorization: .*big has 70000 bytes; at most 65536 are taken$/),
    ]);
  });

  it('that is no JSON is refused without a word of what it holds', () => {
    const file = files.put('broken.json', '{"default": {"key": "my secret" oops');
    expect(() => ProviderSettings.load(file, box, {})).toThrow(ConfigError);
    expect(() => ProviderSettings.load(file, box, {})).not.toThrow(/my secret|oops/);
  });

  it.each(['https://user:pw@host/', 'ftp://host', 'http://host.example', 'nonsense', 'https://h/?q=1'])(
    'takes no credentials to %s',
    (tokenUrl) => {
      expect(
        problemsOf({ a: { production: { wns: { clientId: 'i', clientSecret: { env: 'S' }, tokenUrl } } } }, { S: 's' }),
      ).toEqual([expect.stringMatching(/^a\.production\.wns\.tokenUrl: must be an https URL/)]);
    },
  );
});
