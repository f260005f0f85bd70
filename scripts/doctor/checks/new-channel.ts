import { randomUUID } from 'node:crypto';
import { filter, firstValueFrom, from, map, merge, take, timer } from 'rxjs';
import { acwTopic } from '../../../src/conversations/acw-topic.js';
import type { GenesysClient } from '../../../src/genesys/genesys.client.js';
import { prove } from '../../../src/notifications/channel-connection.js';
import { ChannelSocket } from '../../../src/notifications/channel-socket.js';
import { type Check, failure, ok, type Verdict } from '../check.js';
import { MOST_CHANNELS } from './channels.js';

const LEFT =
  'The channel cannot be deleted: without topics and socket it holds a place for up to 24 h, and is the first to be evicted.';

/** A whole life of a channel, but for its end, which only Genesys can bring. Only when asked for. */
export const newChannel: Check = {
  name: 'new channel',
  needs: ['region'],
  limitMs: 60_000,
  unasked: ({ options }) =>
    options.withChannel
      ? undefined
      : `made only with --with-channel: it would hold one of the ${MOST_CHANNELS} places for up to 24 h`,
  async run(on, signal) {
    const { length: inUse } = on.channels;
    if (inUse >= MOST_CHANNELS) {
      return failure(
        `not made: ${inUse} of ${MOST_CHANNELS} places are taken, so it would evict another channel, the oldest without a socket first`,
        'See channels.',
      );
    }
    const { genesys, config } = on;
    const channel = await genesys.createChannel({ signal, tries: 1 });
    on.hide(channel.id, channel.connectUri);
    const socket = new ChannelSocket(channel.connectUri);
    try {
      const verdict = await used(genesys, channel.id, socket, config.channels.pingTimeoutMs, signal);
      await genesys.clearSubscriptions(channel.id, { signal, tries: 1 });
      const room = `It is number ${inUse + 1} of ${MOST_CHANNELS}, so it evicted none.`;
      return { ...verdict, more: [...(verdict.more ?? []), `${room} ${LEFT}`] };
    } finally {
      await socket.close();
    }
  },
};

async function used(
  genesys: GenesysClient,
  id: string,
  socket: ChannelSocket,
  pingTimeoutMs: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const end = await prove(socket, pingTimeoutMs);
  if (end) {
    return failure(
      `made, but its socket does not work: ${end.reason}`,
      'Genesys gives the address of the socket (wss://streaming.<region>): let proxy and firewall pass WebSockets there.',
    );
  }
  const [state] = await genesys.subscribe(id, [acwTopic(randomUUID())], { signal, tries: 1 });
  if (state?.state === 'Rejected') {
    return failure(
      `its socket works, but the after-call-work topic is refused: ${state.rejectionReason ?? 'without a reason'}`,
      'Give a role of the OAuth client what topic names, in the divisions of the conversations.',
    );
  }
  if (!(await pong(socket, pingTimeoutMs))) {
    return failure(
      `its socket answered no second ping within ${pingTimeoutMs} ms`,
      'Look whether a proxy holds back or cuts idle WebSockets. PING_TIMEOUT_MS is the limit.',
    );
  }
  return ok('made, connected, the after-call-work topic subscribed and cleared, ping answered, closed');
}

async function pong(socket: ChannelSocket, withinMs: number): Promise<boolean> {
  const answered = firstValueFrom(
    merge(
      socket.frames$.pipe(
        filter(({ kind }) => kind === 'pong'),
        map(() => true),
      ),
      from(socket.ended).pipe(map(() => false)),
      timer(withinMs).pipe(map(() => false)),
    ).pipe(take(1)),
  );
  socket.send({ message: 'ping' });
  return answered;
}
