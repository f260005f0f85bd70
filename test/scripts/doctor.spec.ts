import { jest } from '@jest/globals';
import { examine, exitCodeOf, type Examined } from '../../scripts/doctor/examination.js';
import { type Check, ok } from '../../scripts/doctor/check.js';
import { token } from '../../scripts/doctor/checks/token.js';
import { Installation } from '../../scripts/doctor/installation.js';
import { parseOptions } from '../../scripts/doctor/options.js';
import { regionOf } from '../../scripts/doctor/regions.js';
import { linesOf, Report } from '../../scripts/doctor/report.js';
import { parseEnvironment } from '../../src/config/environment.js';

const check = (name: string, run: Check['run'], more: Partial<Check> = {}): Check => ({
  name,
  needs: [],
  run,
  ...more,
});

describe('the doctor', () => {
  let installation: Installation;

  beforeEach(() => {
    installation = new Installation(parseOptions([]));
  });
  afterEach(() => installation.close());

  const examined = (...checks: Check[]): Promise<Examined[]> => examine(checks, installation, () => undefined);

  it('gives a check up when its time is over, and goes on without those that need it', async () => {
    let aborted: AbortSignal | undefined;
    const endless = check(
      'endless',
      (_, signal) => {
        aborted = signal;
        return new Promise(() => undefined);
      },
      { limitMs: 20 },
    );
    const results = await examined(
      endless,
      check('next', async () => ok('never'), { needs: ['endless'] }),
      check('other', async () => ok('fine')),
    );
    expect(results).toEqual([
      expect.objectContaining({ name: 'endless', status: 'failure', text: 'not done within 0.02 s' }),
      { name: 'next', status: 'skipped', text: 'needs endless' },
      { name: 'other', status: 'ok', text: 'fine' },
    ]);
    expect(aborted?.aborted).toBe(true);
    expect(exitCodeOf(results)).toBe(1);
  });

  it('takes what a check throws for its failure', async () => {
    const results = await examined(check('bad', () => Promise.reject(new TypeError('no such thing'))));
    expect(results).toEqual([{ name: 'bad', status: 'failure', text: 'TypeError: no such thing' }]);
  });

  it('names the region that answered invalid_client', async () => {
    installation.config = parseEnvironment({
      API_KEYS: 'bofe:intake:hush-key-0123456789',
      GENESYS_ENVIRONMENT: 'mypurecloud.ie',
      GENESYS_CLIENT_ID: 'client',
      GENESYS_CLIENT_SECRET: 'hush-client-secret',
      GENESYS_GRANT: 'client-credentials',
      HISTORY_URL: 'http://127.0.0.1:9/records',
    });
    // No test asks the real region.
    installation.axios.defaults.adapter = async (config) => ({
      data: JSON.stringify({ error: 'invalid_client', error_description: `authentication failed at ${config.url}` }),
      status: 401,
      statusText: '',
      headers: {},
      config,
    });
    const [result] = await examined(token);
    expect(result).toMatchObject({
      status: 'failure',
      text: expect.stringContaining('authentication failed at https://login.mypurecloud.ie/oauth/token'),
      facts: { region: 'mypurecloud.ie' },
    });
    expect(result?.more?.[0]).toContain('asked was the region mypurecloud.ie (eu_west_1)');
    expect(result?.more?.[1]).not.toContain('mypurecloud.ie');
  });

  it.each([false, true])('prints no secret that somebody echoed, nor what a terminal would obey (json: %s)', (json) => {
    installation.hide('hush"quoted', 'sécret-ü');
    const echo = `said hush"quoted, h%75sh%22quoted and \u001b[31msécret-ü`;
    const result: Examined = { name: 'echo', status: 'failure', text: echo, more: [echo], facts: { deep: [{ echo }] } };
    const written: string[] = [];
    const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    try {
      const report = new Report(json, () => installation.secrets);
      report.told(result);
      report.end([result]);
    } finally {
      write.mockRestore();
    }
    const text = written.join('');
    expect(text).toContain('said ***, *** and ***');
    expect(text).not.toMatch(/quoted|cret-/);
    expect(text).not.toContain('\u001b');
  });

  it.each([
    ['https://login.mypurecloud.com.au', 'ap_southeast_2'],
    ['https://api.usw2.pure.cloud/', 'us_west_2'],
    ['https://proxy.example.com', undefined],
  ])('knows the region of %s', (url, name) => {
    expect(regionOf(url)?.name).toBe(name);
  });

  it('breaks lines at the width of the terminal, and nowhere else', () => {
    const result: Examined = {
      name: 'topic',
      status: 'warning',
      text: 'one two three four five six seven eight nine ten eleven',
      more: ['{', '  "a": 1', '}'],
      action: 'Do it.',
    };
    expect(linesOf(result)).toEqual([
      'warning  topic          one two three four five six seven eight nine ten eleven',
      '                        {',
      '                          "a": 1',
      '                        }',
      '                        → Do it.',
    ]);
    expect(linesOf(result, 60).slice(0, 3)).toEqual([
      'warning  topic          one two three four five six seven',
      '                          eight nine ten eleven',
      '                        {',
    ]);
  });
});
