import type { GenesysClient } from '../genesys/genesys.client.js';
import type { Log } from '../telemetry/logs.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { OutageLog } from '../telemetry/outage-log.js';
import type { ChannelLease } from './channel-lease.service.js';
import type { SilenceLimits } from './silence.js';

/** What a channel works with. */
export interface ChannelTools {
  client: GenesysClient;
  metrics: Metrics;
  log: Log;
  /** Connections to Genesys' sockets, of all channels together: they fail together. */
  sockets: OutageLog;
  /** Answers over these sockets. */
  replies: OutageLog;
  limits: SilenceLimits & { replyTimeoutMs: number; maxTopics: number };
  lease: ChannelLease;
}
