import type { PushType } from './push-variables.js';

/** What a caller may do: `API_KEYS`. */
export const ROLES = ['intake', 'publish', 'events', 'viewer', 'operator', 'privacy', 'metrics', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface ApiKey {
  /** Who this is, for logs and audits. */
  name: string;
  roles: readonly Role[];
  key: string;
}

/** Where the SAML assertion of the `saml2-bearer` grant comes from. */
export type AssertionSource =
  | { kind: 'file'; file: string }
  | {
      kind: 'signed';
      keyFile: string;
      certFile: string;
      issuer: string;
      nameId: string;
      audience: string;
      /** Undefined: the token endpoint. */
      recipient?: string | undefined;
      envelope: SamlEnvelope;
    };

/** What goes to the token endpoint: the assertion within an identity provider's response, or alone. */
export type SamlEnvelope = 'response' | 'assertion';

export type Grant =
  { kind: 'client-credentials' } | { kind: 'saml2-bearer'; orgName: string; assertion: AssertionSource };

export type StorageTarget = { kind: 'sqlite'; file: string } | { kind: 'postgres'; url: string; poolSize: number };

export interface PushConfig {
  /** Empty when the Notification API is off. */
  enabled: readonly PushType[];
  /** Patterns of hosts that callbacks may go to; empty: public addresses only. */
  allowedHosts: readonly string[];
  defaultExpireMs: number;
  providersFile?: string;
  localizationFile?: string;
  /** Keys of 32 bytes: the first encrypts, all decrypt. Never empty. */
  secretKeys: readonly Buffer[];
  /** Whether the only secret key was made from the OAuth client's secret. */
  secretKeyIsDerived: boolean;
  /** Secrets of Standard Webhooks, decoded; all sign. */
  signingSecrets: readonly Buffer[];
  concurrency: number;
  timeoutMs: number;
  subscriptionsPerSubscriber: number;
  subscriptionsPerKey: number;
  subscriptionsMax: number;
  /** Pushes a second. */
  ratePerSubscriber: number;
  queuePerSubscriber: number;
}

/**
 * Everything that can be set from outside, validated and in its final form. Units are in the names. The environment
 * variables and their defaults are in `environment.ts`, which is the only reader of `process.env`.
 */
export interface Config {
  server: {
    host: string;
    port: number;
    /** How long a request may take to arrive, headers and body. */
    requestTimeoutMs: number;
    /** Open at once, of whatever kind. */
    maxConnections: number;
  };
  access: { mode: 'api-key' | 'none'; keys: readonly ApiKey[]; metricsPublic: boolean };
  genesys: {
    loginUrl: string;
    apiUrl: string;
    clientId: string;
    clientSecret: string;
    grant: Grant;
    /** Requests to api.{env} per token and minute; Genesys' own limit is 300 (docs/wire-facts.md §6.1). */
    requestsPerMinute: number;
    /** Whole-request deadline of a REST call; the official SDK uses 16 s (docs/wire-facts.md §3.4). */
    timeoutMs: number;
    /** How conversations are followed live. */
    stream: 'channels' | 'direct';
  };
  channels: {
    maxTopics: number;
    maxCount: number;
    /** Longest wait between hand-overs of channels whose closing is announced again and again. */
    handOverWaitMaxMs: number;
    heartbeatTimeoutMs: number;
    pingTimeoutMs: number;
    /** How long a subscribe request over the socket may go unanswered before REST is asked; 7 s in a public client (docs/wire-facts.md §3.4). */
    replyTimeoutMs: number;
    /** How long a channel without topics stays, so that a quiet minute does not make and drop channels. */
    lingerMs: number;
    /** How often what Genesys holds for a channel is compared with what we believe. */
    checkMs: number;
  };
  interactions: {
    ttlMs: number;
    lookupSweepMs: number;
    retentionMs: number;
    /** Most events that wait in memory while the database does not answer: 50,000 are some 50 MB. */
    eventBufferMax: number;
  };
  /** How long rows of the audit are kept. */
  audit: { keptMs: number };
  history: { url: string; token?: string; mappingFile?: string; concurrency: number; timeoutMs: number };
  retry: { maxMs: number; baseMs: number; capMs: number };
  push: PushConfig;
  storage: StorageTarget;
  replica: { leaseMs: number };
  shutdownGraceMs: number;
  log: { level: string; format: 'json' | 'pretty' };
}

/** Injection token of the one `Config`. */
export const CONFIG = Symbol('CONFIG');
