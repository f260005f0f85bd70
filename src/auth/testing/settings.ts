import type { Config } from '../../config/config.js';

/** Genesys settings for specs: client credentials, nothing listening unless `more` says where. */
export function genesysSettings(more: Partial<Config['genesys']> = {}): Config['genesys'] {
  return {
    loginUrl: 'http://127.0.0.1:9',
    apiUrl: 'http://127.0.0.1:9',
    clientId: 'client-1',
    clientSecret: 's3cret+/=',
    grant: { kind: 'client-credentials' },
    requestsPerMinute: 300,
    timeoutMs: 5_000,
    stream: 'channels',
    ...more,
  };
}
