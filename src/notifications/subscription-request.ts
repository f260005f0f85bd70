import { randomUUID } from 'node:crypto';
import { filter, firstValueFrom, map, of, timeout } from 'rxjs';
import type { ChannelSocket } from './channel-socket.js';

/**
 * Asks for topics over the socket and waits for the reply with our correlation id.
 *
 * @returns Genesys' `result` (`"200"`, `"400"`, `"403"`, `"404"` …), or undefined when no reply came within `timeoutMs`
 * or the socket ended: then nothing is known, and REST tells.
 */
export async function askOverSocket(
  socket: ChannelSocket,
  message: 'subscribe' | 'unsubscribe',
  topics: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> {
  const correlationId = randomUUID();
  const reply = firstValueFrom(
    socket.frames$.pipe(
      filter((frame) => frame.kind === 'reply'),
      // One request is under way at a time, so a reply without an id (seen at 404) can only be ours.
      filter((frame) => frame.correlationId === correlationId || frame.correlationId === undefined),
      map((frame) => frame.result as string | undefined),
      timeout({ first: timeoutMs, with: () => of(undefined) }),
    ),
    { defaultValue: undefined },
  );
  socket.send({ message, topics, correlationId });
  return reply;
}
