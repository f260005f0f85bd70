import { filter, firstValueFrom, of, timeout } from 'rxjs';
import type { Channel } from './channel.js';

/** How long stored channels may take to come back before their topics are placed on others. */
const RESUME_TIMEOUT_MS = 10_000;

/** Resolves when a channel that was stored is open again, or is over, or takes too long. */
export async function whenBack(channel: Channel): Promise<void> {
  await firstValueFrom(
    channel.signals$.pipe(
      filter((signal) => signal.kind === 'state' && (signal.to === 'open' || signal.to === 'closed')),
      timeout({ first: RESUME_TIMEOUT_MS, with: () => of(undefined) }),
    ),
    { defaultValue: undefined },
  );
}
