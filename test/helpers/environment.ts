import type { Environment } from '../../src/config/environment.js';
import type { StorageTarget } from '../../src/config/config.js';
import type { Simulator } from '../../simulator/index.js';

/** Keys of the callers that the tests play. */
export const KEYS = {
  intake: 'intake-key-0123456789abcdef',
  admin: 'admin-key-0123456789abcdef',
  publish: 'publish-key-0123456789abcdef',
  events: 'events-key-0123456789abcdef',
  viewer: 'viewer-key-0123456789abcdef',
  operator: 'operator-key-0123456789abcdef',
  privacy: 'privacy-key-0123456789abcdef',
  metrics: 'metrics-key-0123456789abcdef',
} as const;

/** Each has the role that its key is called by. `privacy` alone opens no route: it goes with viewing. */
export const API_KEYS = [
  `bofe:intake:${KEYS.intake}`,
  `operator:admin:${KEYS.admin}`,
  `service:publish:${KEYS.publish}`,
  `bridge:events:${KEYS.events}`,
  `wall:viewer:${KEYS.viewer}`,
  `shift:operator:${KEYS.operator}`,
  `dpo:privacy+viewer:${KEYS.privacy}`,
  `prometheus:metrics:${KEYS.metrics}`,
].join(',');

/** The environment of a gateway that works against this simulator and this database. */
export function gatewayEnvironment(
  simulator: Simulator,
  target: StorageTarget,
  overrides: Environment = {},
): Environment {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    API_KEYS,
    GENESYS_LOGIN_URL: simulator.loginUrl,
    GENESYS_API_URL: simulator.apiUrl,
    GENESYS_CLIENT_ID: 'demo-client',
    GENESYS_CLIENT_SECRET: 'demo-secret',
    GENESYS_GRANT: 'client-credentials',
    HISTORY_URL: simulator.historyUrl,
    DATABASE_URL: target.kind === 'sqlite' ? `file:${target.file}` : target.url,
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
    ...overrides,
  };
}
