import { StorageUnavailableError } from '../storage/storage.errors.js';
import type { SocketEnd } from './channel-socket.js';
import type { ChannelTools } from './channel-tools.js';
import type { StoredChannel } from './channel.repository.js';

/** HTTP answers to the upgrade that mean: this channel is no more. */
const GONE_STATUSES = [401, 404, 410];

/**
 * Whether another replica uses the channel now. While the database cannot tell, it is taken to be ours: a socket too many
 * would only end the other one.
 */
export async function isTakenOver({ lease }: ChannelTools, row: StoredChannel): Promise<boolean> {
  try {
    return !(await lease.isOurs(row.no));
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error;
    return false;
  }
}

/** Whether Genesys knows the channel no more, after a socket to it ended like this. */
export async function isGone(
  { client, log }: ChannelTools,
  row: StoredChannel,
  end: SocketEnd,
  signal: AbortSignal,
): Promise<boolean> {
  if (end.status !== undefined && GONE_STATUSES.includes(end.status)) return true;
  try {
    return !(await client.channelExists(row.genesys_id, { signal }));
  } catch (error) {
    // Genesys cannot say: the channel is taken to exist, since making another one may evict a live one.
    if (!signal.aborted) log.warn({ channel: row.no, err: error }, 'cannot tell whether the channel still exists');
    return false;
  }
}
