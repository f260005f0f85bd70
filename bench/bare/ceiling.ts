import { connect, type Socket } from 'node:net';
import type WebSocket from 'ws';
import { serveCommands } from '../processes/worker.js';
import type { Addresses } from '../load/world.js';
import { listenFor } from './sockets.js';

// What the load generator reaches alone: a counterpart that does next to nothing. It parses nothing and posts prepared
// bytes on plain sockets, so that the generator on the other side becomes the limit.

const CONNECTIONS = 8;
const TOPIC_AT = '{"topicName":"'.length;
/** Events' topics begin with it; replies and heartbeats have something else there. */
const LETTER_V = 'v'.charCodeAt(0);
const PREFIX_LENGTH = 'v2.detail.events.conversation.'.length;
const TOPIC_LENGTH = PREFIX_LENGTH + 36 + '.acw'.length;
/** As long as the records that the others post. */
const FILLING = 'x'.repeat(700);

function request(conversationId: string, host: string, path: string): string {
  const body = `{"conversationId":"${conversationId}","filling":"${FILLING}"}`;
  return `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

const commands = {
  async start({ topics, apiUrl, historyUrl }: Addresses & { topics: number }): Promise<void> {
    const { hostname, port, host, pathname } = new URL(historyUrl);
    const connections: Socket[] = Array.from({ length: CONNECTIONS }, () => connect(Number(port), hostname));
    let turn = 0;
    await listenFor(topics, apiUrl, (socket: WebSocket, data: Buffer) => {
      if (data[TOPIC_AT] !== LETTER_V) return;
      const topic = data.toString('latin1', TOPIC_AT, TOPIC_AT + TOPIC_LENGTH);
      const id = topic.slice(PREFIX_LENGTH, PREFIX_LENGTH + 36);
      connections[turn++ % CONNECTIONS]?.write(request(id, host, pathname));
      socket.send(`{"message":"unsubscribe","topics":["${topic}"]}`);
    });
    for (const connection of connections) connection.resume();
  },
};

export type Ceiling = typeof commands;
serveCommands(commands);
