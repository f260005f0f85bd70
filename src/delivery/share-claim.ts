import type { Database } from '../storage/database.js';
import type { DeliveryRow } from '../storage/schema.js';
import type { Claim, Share } from './claim.js';
import { claimBeyond } from './keys.js';
import { putOffThoseBehind } from './postponement.js';
import { claimShares, waitingHeads } from './shares.js';

/** How often one claim looks on for one destination, past 64 rows that are put off. */
const MAX_LOOKS = 4;

type Asked = Pick<Database, 'db' | 'kind' | 'now'>;

/** What the first rows of each destination give, and where these hide others, what stands beside them. */
export async function claimByShares(
  database: Asked,
  claim: Claim,
  shares: readonly Share[],
  crowded: ReadonlySet<string>,
): Promise<DeliveryRow[]> {
  const claimed = await claimShares(database, claim, shares);
  const got = new Map<string | null, number>();
  for (const { destination } of claimed) got.set(destination, (got.get(destination) ?? 0) + 1);
  for (const { destination, room } of shares) {
    const left = { destination, room: room - (got.get(destination) ?? 0) };
    const found = left.room === room ? await claimBehindPutOff(database, claim, left) : [];
    left.room -= found.length;
    if (left.room > 0 && crowded.has(destination)) found.push(...(await claimBeyond(database, claim, left)));
    claimed.push(...found);
  }
  return claimed;
}

async function claimBehindPutOff(database: Asked, claim: Claim, share: Share): Promise<DeliveryRow[]> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    const heads = await waitingHeads(database, claim.sink, share.destination);
    if (heads.length === 0) break;
    await putOffThoseBehind(database.db, database.kind, heads);
    const found = await claimShares(database, claim, [share]);
    if (found.length > 0) return found;
  }
  return [];
}
