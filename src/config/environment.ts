import { hkdfSync } from 'node:crypto';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { apiKeyClashes } from './api-keys.js';
import type { Config, StorageTarget } from './config.js';
import { ConfigError } from './config-error.js';
import type { ConfigProblem } from './config-error.js';
import { readGrant } from './genesys-grant.js';
import { unreadable } from './readable-file.js';
import type { Variable } from './variable.js';
import { VARIABLES } from './variables.js';
import type { Values, VariableName } from './variables.js';

export type Environment = Readonly<Record<string, string | undefined>>;

type Rejecting = Pick<Variable<unknown>, 'allowed' | 'secret' | 'explains'>;
type Issue = Pick<z.core.$ZodIssue, 'path' | 'message'>;

/** Longer values are cut in messages. */
const MAX_SHOWN = 120;

/**
 * The environment, validated and in its final form. An empty variable counts as unset. Reads whether the named files
 * are readable, and nothing else of the outside.
 *
 * @throws ConfigError with every problem at once
 */
export function parseEnvironment(env: Environment): Config {
  const problems: ConfigProblem[] = [];
  const values = readValues(env, problems);
  checkTogether(values, problems);
  const grant = readGrant(values, problems);
  // `grant` is absent only together with a problem; the second test tells the compiler.
  if (problems.length > 0 || grant === undefined) throw new ConfigError(problems);
  return build(values as Required<Values>, values, grant);
}

/**
 * The keys of secrets at rest, for programs that need nothing else of the environment.
 *
 * @throws ConfigError with every problem
 */
export function parseSecretKeys(env: Environment): SecretKeys {
  const problems: ConfigProblem[] = [];
  const names: VariableName[] =
    (env.PUSH_SECRET_KEYS ?? '').trim() === '' ? ['GENESYS_CLIENT_SECRET'] : ['PUSH_SECRET_KEYS'];
  const values = readValues(env, problems, names);
  if (problems.length > 0) throw new ConfigError(problems);
  return secretKeys(values);
}

function readValues(
  env: Environment,
  problems: ConfigProblem[],
  names = Object.keys(VARIABLES) as VariableName[],
): Values {
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const variable: Variable<unknown> = VARIABLES[name];
    const set = env[name]?.trim() ?? '';
    const raw = set === '' ? variable.fallback : set;
    if (raw === undefined) {
      if (variable.required === true)
        problems.push({
          variable: name,
          allowed: `is missing (${variable.meaning.replace(/\.$/, '')}); it ${variable.allowed}`,
        });
      continue;
    }
    const result = variable.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else problems.push(rejected(name, raw, variable, result.error.issues));
  }
  return values;
}

function rejected(name: string, raw: string, variable: Rejecting, issues: readonly Issue[]): ConfigProblem {
  if (variable.secret === true) {
    const places = issues.map(({ path, message }) => `entry ${String(Number(path[0]) + 1)}${message}`);
    const which = variable.explains === true ? `${places.join(', ')}; ` : '';
    return { variable: name, allowed: `${which}${variable.allowed} (the value is not shown)` };
  }
  return { variable: name, value: shown(raw), allowed: variable.allowed };
}

/** A value that may be shown: URLs lose their user, password and query, which can be secrets. */
function shown(raw: string): string {
  const harmless = raw.replace(/\/\/.*@/, '//***@').replace(/(:\/\/[^?]*)\?.*$/, '$1?***');
  return harmless.length > MAX_SHOWN ? `${harmless.slice(0, MAX_SHOWN)}…` : harmless;
}

function checkTogether(values: Values, problems: ConfigProblem[]): void {
  const problem = (variable: VariableName, allowed: string, value?: string): void => {
    problems.push(value === undefined ? { variable, allowed } : { variable, value, allowed });
  };
  const keys = values.API_KEYS ?? [];
  const keysAreBad = problems.some(({ variable }) => variable === 'API_KEYS');
  for (const clash of apiKeyClashes(keys)) problem('API_KEYS', clash);
  if (values.AUTH_MODE === 'api-key' && keys.length === 0 && !keysAreBad) {
    problem('API_KEYS', 'is missing; set name:role:key entries, or AUTH_MODE=none for a closed test system');
  }
  if (values.AUTH_MODE === 'none' && keys.length > 0) {
    problem('AUTH_MODE', 'contradicts API_KEYS, which would be ignored; unset one of the two', 'none');
  }
  const { RETRY_BASE_MS: base, RETRY_CAP_MS: cap, PUSH_ENABLED: push } = values;
  if (base !== undefined && cap !== undefined && cap < base) {
    problem('RETRY_CAP_MS', `must be at least RETRY_BASE_MS (${String(base)})`, String(cap));
  }
  if (push?.includes('none') === true && push.length > 1) {
    problem('PUSH_ENABLED', 'none turns the Notification API off and stands alone', push.join(','));
  }
  for (const name of ['HISTORY_MAPPING_FILE', 'PUSH_PROVIDERS_FILE', 'PUSH_LOCALIZATION_FILE'] as const) {
    const named = values[name];
    const reason = named === undefined ? undefined : unreadable(named);
    if (reason !== undefined) problem(name, `must be a readable file: ${reason}`, named);
  }
}

function build(given: Required<Values>, values: Values, grant: Config['genesys']['grant']): Config {
  return {
    server: {
      host: given.HOST,
      port: given.PORT,
      requestTimeoutMs: given.HTTP_REQUEST_TIMEOUT_MS,
      maxConnections: given.HTTP_MAX_CONNECTIONS,
    },
    access: { mode: given.AUTH_MODE, keys: values.API_KEYS ?? [], metricsPublic: given.METRICS_PUBLIC === 'true' },
    genesys: {
      loginUrl: values.GENESYS_LOGIN_URL ?? `https://login.${given.GENESYS_ENVIRONMENT}`,
      apiUrl: values.GENESYS_API_URL ?? `https://api.${given.GENESYS_ENVIRONMENT}`,
      clientId: given.GENESYS_CLIENT_ID,
      clientSecret: given.GENESYS_CLIENT_SECRET,
      grant,
      requestsPerMinute: given.GENESYS_REQUESTS_PER_MINUTE,
      timeoutMs: given.GENESYS_TIMEOUT_MS,
      stream: given.GENESYS_STREAM,
    },
    channels: {
      maxTopics: given.CHANNEL_MAX_TOPICS,
      maxCount: given.CHANNEL_MAX_COUNT,
      handOverWaitMaxMs: given.HAND_OVER_WAIT_MAX_MS,
      heartbeatTimeoutMs: given.HEARTBEAT_TIMEOUT_MS,
      pingTimeoutMs: given.PING_TIMEOUT_MS,
      replyTimeoutMs: given.SUBSCRIBE_TIMEOUT_MS,
      lingerMs: given.CHANNEL_LINGER_MS,
      checkMs: given.SUBSCRIPTION_CHECK_S,
    },
    interactions: {
      ttlMs: given.INTERACTION_TTL_HOURS,
      lookupSweepMs: given.LOOKUP_SWEEP_S,
      retentionMs: given.RETENTION_DAYS,
      eventBufferMax: given.EVENT_BUFFER_MAX,
    },
    audit: { keptMs: given.AUDIT_DAYS },
    history: {
      url: given.HISTORY_URL,
      ...(values.HISTORY_TOKEN === undefined ? {} : { token: values.HISTORY_TOKEN }),
      ...(values.HISTORY_MAPPING_FILE === undefined ? {} : { mappingFile: resolve(values.HISTORY_MAPPING_FILE) }),
      concurrency: given.HISTORY_CONCURRENCY,
      timeoutMs: given.HISTORY_TIMEOUT_MS,
    },
    retry: { maxMs: given.RETRY_MAX_HOURS, baseMs: given.RETRY_BASE_MS, capMs: given.RETRY_CAP_MS },
    push: pushConfig(given, values),
    storage: storageTarget(given.DATABASE_URL, given.DATABASE_POOL_SIZE),
    replica: { leaseMs: given.REPLICA_LEASE_S },
    shutdownGraceMs: given.SHUTDOWN_GRACE_S,
    log: { level: given.LOG_LEVEL, format: given.LOG_FORMAT },
  };
}

function pushConfig(given: Required<Values>, values: Values): Config['push'] {
  return {
    enabled: given.PUSH_ENABLED.filter((type) => type !== 'none'),
    allowedHosts: values.PUSH_ALLOWED_HOSTS ?? [],
    defaultExpireMs: given.PUSH_DEFAULT_EXPIRE_S,
    ...(values.PUSH_PROVIDERS_FILE === undefined ? {} : { providersFile: resolve(values.PUSH_PROVIDERS_FILE) }),
    ...(values.PUSH_LOCALIZATION_FILE === undefined
      ? {}
      : { localizationFile: resolve(values.PUSH_LOCALIZATION_FILE) }),
    ...secretKeys(values),
    signingSecrets: (values.PUSH_SIGNING_SECRETS ?? []).map((secret) =>
      Buffer.from(secret.slice('whsec_'.length), 'base64'),
    ),
    concurrency: given.PUSH_CONCURRENCY,
    timeoutMs: given.PUSH_TIMEOUT_MS,
    subscriptionsPerSubscriber: given.PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER,
    subscriptionsPerKey: given.PUSH_SUBSCRIPTIONS_PER_KEY,
    subscriptionsMax: given.PUSH_SUBSCRIPTIONS_MAX,
    ratePerSubscriber: given.PUSH_RATE_PER_SUBSCRIBER,
    queuePerSubscriber: given.PUSH_QUEUE_PER_SUBSCRIBER,
  };
}

type SecretKeys = Pick<Config['push'], 'secretKeys' | 'secretKeyIsDerived'>;

function secretKeys({ PUSH_SECRET_KEYS: keys, GENESYS_CLIENT_SECRET: clientSecret = '' }: Values): SecretKeys {
  return keys === undefined
    ? { secretKeys: [derivedKey(clientSecret)], secretKeyIsDerived: true }
    : { secretKeys: keys.map((key) => Buffer.from(key, 'base64')), secretKeyIsDerived: false };
}

/** A key for secrets at rest from the one secret that every installation has. */
function derivedKey(clientSecret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', clientSecret, 'genesys-gateway', 'secrets at rest', 32));
}

/** `file:./data/x.db`, `file:/data/x.db` and `file:///data/x.db` all name files; relative ones from the working directory. */
function storageTarget(url: string, poolSize: number): StorageTarget {
  if (!url.startsWith('file:')) return { kind: 'postgres', url, poolSize };
  return { kind: 'sqlite', file: resolve(url.slice('file:'.length).replace(/^\/\/(?=\/)/, '')) };
}
