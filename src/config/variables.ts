import { z } from 'zod';
import { API_KEYS_ALLOWED, apiKey } from './api-keys.js';
import { DAY_MS, HOUR_MS, choice, domain, duration, file, httpUrl, integer, list, text } from './variable.js';
import type { Variable } from './variable.js';
import { PUSH } from './push-variables.js';

const SERVER = {
  HOST: text('Address to listen on.', { fallback: '0.0.0.0' }),
  PORT: integer(
    'Port to listen on; 0 picks a free one, which the log line "listening" names.',
    { min: 0, max: 65_535 },
    { fallback: '3000' },
  ),
  HTTP_REQUEST_TIMEOUT_MS: integer(
    'How long a request may take to arrive, headers and body; then 408 and the connection ends, a second later at most.',
    { min: 100, max: 600_000 },
    { fallback: '30000' },
  ),
  HTTP_MAX_CONNECTIONS: integer(
    'Connections open at once, idle ones and those of CometD (up to 10,000) among them; one more is closed at once, unread.',
    { min: 10, max: 1_000_000 },
    { fallback: '12000' },
  ),
  API_KEYS: list(
    'Who may call the gateway: a comma list of name:role[+role]:key with the roles intake, publish, events, viewer, operator, privacy (sees customers with reveal=true, beside viewer or operator), metrics and admin (all of them).',
    API_KEYS_ALLOWED,
    apiKey,
    {
      secret: true,
      explains: true,
      example: 'bofe:intake:change-me-1d6f2c9a,ops:operator+privacy:change-me-7be0334f',
    },
  ),
  AUTH_MODE: choice(
    'api-key asks every caller for a key; none lets everybody do everything, for a closed test system.',
    ['api-key', 'none'],
    { fallback: 'api-key' },
  ),
  METRICS_PUBLIC: choice('Whether /metrics answers without a key.', ['true', 'false'], { fallback: 'false' }),
};

const GENESYS = {
  GENESYS_ENVIRONMENT: domain(
    'Domain of the Genesys Cloud region; gives https://login.{domain} and https://api.{domain}.',
    'must be the domain of a region alone, such as mypurecloud.ie or usw2.pure.cloud',
    { fallback: 'mypurecloud.com' },
  ),
  GENESYS_LOGIN_URL: httpUrl('Instead of https://login.{domain}: a proxy or the simulator.', {
    query: false,
    example: 'http://127.0.0.1:4000',
  }),
  GENESYS_API_URL: httpUrl('Instead of https://api.{domain}: a proxy or the simulator.', {
    query: false,
    example: 'http://127.0.0.1:4000',
  }),
  GENESYS_CLIENT_ID: text('OAuth client id.', { required: true, example: '00000000-0000-0000-0000-000000000000' }),
  GENESYS_CLIENT_SECRET: text('OAuth client secret.', { required: true, secret: true, example: 'change-me' }),
  GENESYS_GRANT: choice('How the access token is obtained.', ['saml2-bearer', 'client-credentials'], {
    fallback: 'saml2-bearer',
  }),
  GENESYS_ORG_NAME: text("The organisation's short name; needed for saml2-bearer.", { example: 'acme' }),
  GENESYS_SAML_ASSERTION_FILE: file(
    'File with the SAML assertion, XML or base64, read again at each refresh; or set the five GENESYS_SAML_ variables below.',
    {
      example: '/run/secrets/assertion.xml',
    },
  ),
  GENESYS_SAML_KEY_FILE: file('PEM file of the private key with which the gateway signs its own assertion.', {
    example: '/run/secrets/saml.key',
  }),
  GENESYS_SAML_CERT_FILE: file('PEM file of the certificate that belongs to that key and that Genesys Cloud trusts.', {
    example: '/run/secrets/saml.crt',
  }),
  GENESYS_SAML_ISSUER: text("Issuer of the gateway's assertion: the identity provider's entity id.", {
    example: 'https://idp.example.com',
  }),
  GENESYS_SAML_NAME_ID: text('Who the assertion speaks of: the e-mail address of the Genesys Cloud user.', {
    example: 'gateway@example.com',
  }),
  GENESYS_SAML_AUDIENCE: text('Audience of the assertion: the entity id of Genesys Cloud as service provider.', {
    example: 'https://login.mypurecloud.com/saml',
  }),
  GENESYS_SAML_RECIPIENT: text('Recipient of the assertion, where it is not the token endpoint.', {
    example: 'https://login.mypurecloud.com/saml',
  }),
  GENESYS_SAML_ENVELOPE: choice(
    "What the gateway signs and sends: an identity provider's response around the assertion, or the assertion alone.",
    ['response', 'assertion'],
    { fallback: 'response' },
  ),
  GENESYS_REQUESTS_PER_MINUTE: integer(
    "Budget of requests to the Genesys Cloud API; Genesys' own limit is 300 per token and minute.",
    { min: 10, max: 100_000 },
    { fallback: '300' },
  ),
  GENESYS_STREAM: choice(
    'How conversations are followed live: channels is the documented service, direct a WebSocket that takes SubscriptionRequest messages.',
    ['channels', 'direct'],
    { fallback: 'channels' },
  ),
  GENESYS_TIMEOUT_MS: integer(
    'Deadline of one request to Genesys Cloud, body included.',
    { min: 50, max: 120_000 },
    { fallback: '16000' },
  ),
};

const CHANNELS = {
  CHANNEL_MAX_TOPICS: integer(
    'Topics on one notification channel; Genesys allows 1,000.',
    { min: 1, max: 1000 },
    { fallback: '1000' },
  ),
  CHANNEL_MAX_COUNT: integer(
    'Notification channels; Genesys allows 20, and one is kept free for hand-overs.',
    { min: 2, max: 20 },
    { fallback: '20' },
  ),
  CHANNEL_LINGER_MS: integer(
    'How long a channel without topics stays, so that a quiet minute does not make and drop channels.',
    { min: 0, max: 3_600_000 },
    { fallback: '30000' },
  ),
  HAND_OVER_WAIT_MAX_MS: integer(
    'Longest wait between hand-overs while Genesys announces the closing of sockets that it has just opened; less than the minute that it gives leaves no gap.',
    { min: 0, max: 600_000 },
    { fallback: '50000' },
  ),
  HEARTBEAT_TIMEOUT_MS: integer(
    'Silence on a channel after which a ping is sent; Genesys sends a heartbeat every 30 s.',
    { min: 50, max: 600_000 },
    { fallback: '35000' },
  ),
  PING_TIMEOUT_MS: integer(
    'How long the answer to that ping may take before the socket counts as dead.',
    { min: 20, max: 60_000 },
    { fallback: '5000' },
  ),
  SUBSCRIBE_TIMEOUT_MS: integer(
    'How long a subscribe request over the socket may stay unanswered before REST is asked.',
    { min: 20, max: 60_000 },
    { fallback: '7000' },
  ),
};

const INTERACTIONS = {
  INTERACTION_TTL_HOURS: duration(
    'How long an interaction waits for its after-call work.',
    HOUR_MS,
    { min: 0.0001, max: 720 },
    { fallback: '24' },
  ),
  LOOKUP_SWEEP_S: duration(
    'However quiet it is, each waiting interaction is looked up at least this often, as far as the request budget allows.',
    1000,
    { min: 0.05, max: 86_400 },
    { fallback: '1800' },
  ),
  SUBSCRIPTION_CHECK_S: duration(
    'How often the topics that Genesys holds for a channel are compared with ours; one request per channel each time.',
    1000,
    { min: 1, max: 86_400 },
    { fallback: '300' },
  ),
  EVENT_BUFFER_MAX: integer(
    'Most events that wait in memory while the database does not answer; what comes beyond is counted and looked up.',
    { min: 1, max: 1_000_000 },
    { fallback: '50000' },
  ),
  RETENTION_DAYS: duration(
    'How long finished interactions and their records are kept, and finished replays and discards; dead ones stay until an operator decides.',
    DAY_MS,
    { min: 0.00001, max: 3650 },
    { fallback: '30' },
  ),
  AUDIT_DAYS: duration(
    'How long the audit knows who did what; 400 days are a year and the time to ask about it.',
    DAY_MS,
    { min: 0.00001, max: 3650 },
    { fallback: '400' },
  ),
};

const HISTORY = {
  HISTORY_URL: httpUrl('Where records are posted: the whole URL of CommunicationHistory-manager.', {
    query: true,
    required: true,
    example: 'https://history.example.com/records',
  }),
  HISTORY_TOKEN: text('Bearer token for it, when it asks for one.', { secret: true, example: 'change-me' }),
  HISTORY_MAPPING_FILE: file(
    'JSONata file that makes the body from the record, when the record is not what it takes.',
    { example: './history-mapping.jsonata' },
  ),
  HISTORY_CONCURRENCY: integer('Records under way to it at a time.', { min: 1, max: 1024 }, { fallback: '32' }),
  HISTORY_TIMEOUT_MS: integer(
    'Deadline of one request to it, body included.',
    { min: 20, max: 120_000 },
    { fallback: '10000' },
  ),
  RETRY_MAX_HOURS: duration(
    'How long a delivery is tried again before it is dead.',
    HOUR_MS,
    { min: 0.0001, max: 720 },
    { fallback: '24' },
  ),
  RETRY_BASE_MS: integer(
    'First wait between attempts; doubled each time, with full jitter.',
    { min: 1, max: 600_000 },
    { fallback: '1000' },
  ),
  RETRY_CAP_MS: integer('Longest wait between attempts.', { min: 1, max: 86_400_000 }, { fallback: '600000' }),
};

const STORAGE: {
  DATABASE_URL: Variable<string>;
  DATABASE_POOL_SIZE: Variable<number>;
  REPLICA_LEASE_S: Variable<number>;
} = {
  DATABASE_URL: {
    meaning: 'file:path of the embedded SQLite database, or postgres://user:password@host/database.',
    allowed: 'must be file: and a path, or postgres://user:password@host:port/database',
    fallback: 'file:./data/gateway.db',
    schema: z.string().refine((value) => /^file:(?!:memory:)./.test(value) || isPostgresUrl(value)),
  },
  DATABASE_POOL_SIZE: integer('Connections to PostgreSQL.', { min: 2, max: 200 }, { fallback: '10' }),
  REPLICA_LEASE_S: duration(
    'How long a replica that stands still, or cannot reach the database, keeps what it owns before the others take it over.',
    1000,
    { min: 5, max: 600 },
    { fallback: '30' },
  ),
};

const PROCESS = {
  SHUTDOWN_GRACE_S: duration(
    'How long a shutdown may drain before it is forced.',
    1000,
    { min: 0, max: 600 },
    { fallback: '20' },
  ),
  LOG_LEVEL: choice(
    'Least important level that is logged.',
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    { fallback: 'info' },
  ),
  LOG_FORMAT: choice('json for machines, pretty for people.', ['json', 'pretty'], { fallback: 'json' }),
};

/** Every environment variable by its name. */
export const VARIABLES = {
  ...SERVER,
  ...GENESYS,
  ...CHANNELS,
  ...INTERACTIONS,
  ...HISTORY,
  ...STORAGE,
  ...PUSH,
  ...PROCESS,
};

export type VariableName = keyof typeof VARIABLES;
export type Values = { [N in VariableName]?: (typeof VARIABLES)[N] extends Variable<infer T> ? T : never };

/** The same, by subject, in the order in which people read about them. */
export const VARIABLE_GROUPS: readonly { title: string; variables: Readonly<Record<string, Variable<unknown>>> }[] = [
  { title: 'The gateway and its callers', variables: SERVER },
  { title: 'Genesys Cloud', variables: GENESYS },
  { title: 'Notification channels', variables: CHANNELS },
  { title: 'Interactions', variables: INTERACTIONS },
  { title: 'CommunicationHistory-manager', variables: HISTORY },
  { title: 'Storage', variables: STORAGE },
  { title: 'Notification API', variables: PUSH },
  { title: 'Process', variables: PROCESS },
];

function isPostgresUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) return false;
  // A Unix socket is named as ?host=/path, with nothing where the host would be.
  return url.hostname !== '' || url.searchParams.has('host');
}
