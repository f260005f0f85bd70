import { firstValueFrom, from, map, merge, take, timer, type Observable } from 'rxjs';
import type { ChannelSocket, SocketEnd } from './channel-socket.js';
import { silence$, type SilenceLimits } from './silence.js';

const PING = { message: 'ping' };

/**
 * Waits until a socket has shown that it works: it opened, and a frame came in answer to our ping. A socket that opens
 * may be closed at once (docs/wire-facts.md §7.4), so opening alone proves nothing.
 *
 * @returns undefined when it works, else how it ended.
 */
export async function prove(socket: ChannelSocket, pingTimeoutMs: number): Promise<SocketEnd | undefined> {
  const early = await Promise.race([socket.opened, socket.ended]);
  if (early) return early;
  const silent: SocketEnd = { kind: 'failed', reason: 'no answer to the first ping' };
  const verdict = firstValueFrom(
    merge(
      socket.frames$.pipe(map(() => undefined)),
      from(socket.ended),
      timer(pingTimeoutMs).pipe(map(() => silent)),
    ).pipe(take(1)),
  );
  socket.send(PING);
  return verdict;
}

/** Why a connection is over. */
export interface ConnectionEnd {
  cause: 'closed' | 'silent' | 'gone';
  reason: string;
}

/** Resolves when the socket ends, falls silent, or the channel is found gone (`gone$` gives the reason). */
export async function connectionOver(
  socket: ChannelSocket,
  gone$: Observable<string>,
  limits: SilenceLimits,
): Promise<ConnectionEnd> {
  return firstValueFrom(
    merge(
      from(socket.ended).pipe(map(({ reason }): ConnectionEnd => ({ cause: 'closed', reason }))),
      silence$(
        () => socket.lastFrameAt,
        () => socket.send(PING),
        limits,
      ).pipe(map((): ConnectionEnd => ({ cause: 'silent', reason: 'no frame and no answer to a ping' }))),
      gone$.pipe(map((reason): ConnectionEnd => ({ cause: 'gone', reason }))),
    ).pipe(take(1)),
  );
}
