import { type Check, failure, ok, type Verdict, warning } from '../check.js';
import type { Installation } from '../installation.js';

/** Per user and OAuth client; one more evicts another (docs/wire-facts.md §2). */
export const MOST_CHANNELS = 20;

/** Who has the client's places: our gateways, by the database's rows, or somebody else. */
export const channels: Check = {
  name: 'channels',
  needs: ['region'],
  async run(on) {
    const inUse = on.channels.length;
    const ours = await oursOf(on);
    const others = ours === undefined ? undefined : inUse - ours;
    const facts = { inUse, limit: MOST_CHANNELS, channelMaxCount: on.config.channels.maxCount, ours, others };
    const text = `${inUse} of ${MOST_CHANNELS} in use${inUse === 0 ? '' : `: ${whose(ours, others)}`}`;
    return { ...judged(text, inUse, others, on.config.channels.maxCount), facts };
  },
};

/**
 * Genesys names a channel only to the token that made it, so most are counted: as many as have a row that has not expired.
 * Undefined where the database cannot tell.
 */
async function oursOf({ database, channels: listed, config }: Installation): Promise<number | undefined> {
  const rows = await database?.channelsOf(config.genesys.clientId);
  if (!rows) return undefined;
  const foreign = listed.filter(({ id }) => id !== undefined && !rows.includes(id)).length;
  return Math.min(rows.length, listed.length - foreign);
}

function whose(ours: number | undefined, others: number | undefined): string {
  if (ours === undefined || others === undefined) return 'whose they are cannot be told without the database';
  if (others === 0) return "all of them our gateways', by the database's rows";
  const theirs =
    'another program that uses this OAuth client, another installation of the gateway, or left behind, as by --with-channel: such a one ends within 24 h';
  return `${ours} our gateways' by the database's rows, ${others} of somebody else (${theirs})`;
}

function judged(text: string, inUse: number, others: number | undefined, maxCount: number): Verdict {
  const own = 'Give the gateway an OAuth client of its own';
  if (inUse >= MOST_CHANNELS && others !== 0) {
    return failure(
      `${text}. All places are taken: the next channel that anybody makes evicts another without a word`,
      `${own}, or let the others close theirs.`,
    );
  }
  if (inUse >= MOST_CHANNELS) {
    return warning(
      `${text}. All places are taken: a hand-over would evict one of them`,
      'Lower CHANNEL_MAX_COUNT, or spread the conversations over several OAuth clients.',
    );
  }
  if (others !== undefined && others > 0 && others + maxCount > MOST_CHANNELS) {
    return warning(
      `${text}. With CHANNEL_MAX_COUNT=${maxCount} there can be more than ${MOST_CHANNELS} together, and then channels are evicted`,
      `${own}, or set CHANNEL_MAX_COUNT to ${Math.max(2, MOST_CHANNELS - others)} at the most.`,
    );
  }
  return ok(text);
}
