import { parseEnvironment } from '../environment.js';
import type { Config } from '../config.js';

/** One key for each role, and one that may do everything. */
export const TEST_KEYS = {
  intake: 'test-intake-key-0001',
  publish: 'test-publish-key-0001',
  admin: 'test-admin-key-0001',
  all: 'test-all-key-0001',
} as const;

/** A whole configuration for tests: nothing in it points anywhere, and nothing is logged. `env` adds to it. */
export function testConfig(env: Readonly<Record<string, string>> = {}): Config {
  return parseEnvironment({
    HOST: '127.0.0.1',
    PORT: '0',
    API_KEYS: [
      `bofe:intake:${TEST_KEYS.intake}`,
      `publisher:publish:${TEST_KEYS.publish}`,
      `operator:admin:${TEST_KEYS.admin}`,
      `root:intake+publish+admin:${TEST_KEYS.all}`,
    ].join(','),
    GENESYS_LOGIN_URL: 'http://127.0.0.1:9',
    GENESYS_API_URL: 'http://127.0.0.1:9',
    GENESYS_CLIENT_ID: 'test-client',
    GENESYS_CLIENT_SECRET: 'test-secret',
    GENESYS_GRANT: 'client-credentials',
    HISTORY_URL: 'http://127.0.0.1:9/records',
    LOG_LEVEL: 'silent',
    ...env,
  });
}
