import WebSocket from 'ws';
import { topicOf } from '../load/conversations.js';

/** Topics of one channel, and of one subscribe request: as the gateway does it. */
const CHANNEL_TOPICS = 1_000;
const REQUEST_TOPICS = 500;

/** An event, or another frame: replies have no body, heartbeats no conversation. */
export interface Frame {
  topicName?: string;
  eventBody?: Record<string, unknown> & { conversationId?: string };
}

/**
 * Opens as many channels as `topics` need and subscribes them; `onFrame` gets what is no reply. Resolves when all is
 * confirmed.
 */
export async function listenFor(
  topics: number,
  apiUrl: string,
  onFrame: (socket: WebSocket, data: Buffer) => void,
): Promise<void> {
  const opened: Promise<void>[] = [];
  for (let from = 0; from < topics; from += CHANNEL_TOPICS) {
    opened.push(listenOn(from, Math.min(topics, from + CHANNEL_TOPICS), apiUrl, onFrame));
  }
  await Promise.all(opened);
}

async function listenOn(
  from: number,
  to: number,
  apiUrl: string,
  onFrame: (socket: WebSocket, data: Buffer) => void,
): Promise<void> {
  const socket = new WebSocket(`${apiUrl.replace('http', 'ws')}/channels/bare-${from}`, { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    let confirmed = 0;
    const requests: number[][] = [];
    for (let at = from; at < to; at += REQUEST_TOPICS) {
      requests.push(Array.from({ length: Math.min(REQUEST_TOPICS, to - at) }, (_, index) => at + index));
    }
    const ask = (): void => {
      const numbers = requests[confirmed] ?? [];
      socket.send(
        JSON.stringify({ message: 'subscribe', topics: numbers.map(topicOf), correlationId: `${confirmed}` }),
      );
    };
    const confirm = (): void => {
      if (++confirmed < requests.length) return ask();
      socket.off('message', confirm);
      socket.on('message', (data) => onFrame(socket, data as Buffer));
      resolve();
    };
    socket.on('message', confirm);
    socket.once('open', ask);
  });
}
