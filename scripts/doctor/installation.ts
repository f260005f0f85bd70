import { HttpService } from '@nestjs/axios';
import axios from 'axios';
import { secretsOfQuery } from '../../src/common/url-secrets.js';
import type { Config } from '../../src/config/config.js';
import { GenesysClient } from '../../src/genesys/genesys.client.js';
import type { ListedChannel } from '../../src/genesys/genesys.types.js';
import { type Mapping, PLAIN } from '../../src/history/mapping.js';
import type { DatabaseVisit } from '../../src/storage/database-visit.js';
import { Logs } from '../../src/telemetry/logs.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import type { DoctorOptions } from './options.js';

/** A shorter one (`?format=json`) would be found in words that are none. */
const SHORTEST_SECRET = 6;

/** What is known of the installation so far: one check finds what the next ones use. */
export class Installation {
  readonly axios = axios.create();
  readonly logs = Logs.silent();
  /** Undefined where there is none, or none yet. */
  database: DatabaseVisit | undefined;
  mapping: Mapping = PLAIN;
  /** Permissions that the OAuth client was found to lack. */
  readonly lacking = new Set<string>();
  private readonly known: { config?: Config; genesys?: GenesysClient; channels?: ListedChannel[] } = {};
  private readonly hidden = new Set<string>();

  constructor(readonly options: DoctorOptions) {}

  /** What must not be printed. */
  get secrets(): readonly string[] {
    return [...this.hidden];
  }

  hide(...secrets: readonly string[]): void {
    for (const secret of secrets) if (secret.length >= SHORTEST_SECRET) this.hidden.add(secret);
  }

  get config(): Config {
    return found(this.known.config, 'configuration');
  }

  set config(config: Config) {
    this.known.config = config;
    this.hide(...secretsOf(config));
  }

  get genesys(): GenesysClient {
    return found(this.known.genesys, 'token');
  }

  /** From now on Genesys is asked with this token. */
  useToken(value: string): void {
    this.hide(value);
    // One that is refused is a finding: no other is asked for.
    const tokens = { token: async () => value, discard: () => undefined };
    const http = new HttpService(this.axios);
    this.known.genesys = new GenesysClient(http, this.config, tokens, new Metrics(), this.logs);
  }

  /** Every channel of the OAuth client. */
  get channels(): ListedChannel[] {
    return found(this.known.channels, 'list of channels');
  }

  set channels(channels: ListedChannel[]) {
    this.known.channels = channels;
    this.hide(...channels.flatMap(({ id }) => id ?? []));
  }

  async close(): Promise<void> {
    this.known.genesys?.onApplicationShutdown();
    await this.database?.close();
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined)
    throw new Error(`There is no ${what} yet: a check that uses it has to need the one that finds it.`);
  return value;
}

function secretsOf({ access, genesys, history, push, storage }: Config): string[] {
  return [
    ...access.keys.map(({ key }) => key),
    genesys.clientSecret,
    ...(history.token === undefined ? [] : [history.token]),
    ...secretsOfQuery(new URL(history.url)),
    ...[...push.secretKeys, ...push.signingSecrets].map((key) => key.toString('base64')),
    ...(storage.kind === 'postgres' ? [URL.parse(storage.url)?.password ?? ''] : []),
  ];
}
