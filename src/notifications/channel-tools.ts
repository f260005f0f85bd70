import type { GenesysClient } from '../genesys/genesys.client.js';
import type { ChannelRow } from '../storage/schema.js';
import type { Log } from '../telemetry/logs.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { SilenceLimits } from './silence.js';

/** What a channel works with. */
export interface ChannelTools {
  client: GenesysClient;
  metrics: Metrics;
  log: Log;
  limits: SilenceLimits & { replyTimeoutMs: number; maxTopics: number };
  /** Asks Genesys for a new channel and stores it; rejects only when `signal` aborts. */
  create: (signal: AbortSignal) => Promise<ChannelRow>;
  /** False when another replica has taken this channel over. */
  isOurs: (no: number) => Promise<boolean>;
}
