import { spawnSync } from 'node:child_process';
import { testConfig } from '../../src/config/testing/test-config.js';
import { PROVIDERS_CONTEXT, SecretBox } from '../../src/push/secrets/secret-box.js';

const SCRIPT = new URL('../../dist/scripts/encrypt-secret.js', import.meta.url).pathname;
const ENVIRONMENT = { GENESYS_CLIENT_SECRET: 'test-secret' };

describe('npm run encrypt', () => {
  const run = (input: string, args: string[] = [], env: Record<string, string> = ENVIRONMENT) =>
    spawnSync(process.execPath, [SCRIPT, ...args], {
      input,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    });

  it.each(['Bearer s3cret', 'line one\nline two', 'gehéim 🔑'])('seals %j for the file of providers', (secret) => {
    const { status, stdout, stderr } = run(`${secret}\n`);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^enc:v1:[0-9a-f]{8}:[\w-]+\n$/);
    expect(new SecretBox(testConfig()).open(stdout.trim(), PROVIDERS_CONTEXT)).toBe(secret);
  });

  it('says how it is used, and what is wrong', () => {
    expect(run('', ['--help'], {})).toMatchObject({ status: 0, stdout: expect.stringContaining('standard input') });
    expect(run('\n')).toMatchObject({ status: 64, stdout: '' });
    expect(run('x', ['s3cret'])).toMatchObject({ status: 64, stdout: '' });
    expect(run('x', [], {})).toMatchObject({
      status: 78,
      stderr: expect.stringContaining('encrypt cannot start: 1 problem'),
    });
  });
});
