import { Pool } from 'undici';
import type WebSocket from 'ws';
import { serveCommands } from '../processes/worker.js';
import type { Addresses } from '../load/world.js';
import { listenFor, type Frame } from './sockets.js';

// What capturing cannot do without: the socket, JSON.parse, a POST of the record, the topic given back. No storage, no
// framework, no checks, no retries.

/** As the gateway's `HISTORY_CONCURRENCY`. */
const CONNECTIONS = 32;

/** Topics whose record has been taken in this turn of the event loop: they travel together. */
const released = new Map<WebSocket, string[]>();

function release(socket: WebSocket, topic: string): void {
  if (released.size === 0) setImmediate(sendReleases);
  const topics = released.get(socket);
  if (topics) topics.push(topic);
  else released.set(socket, [topic]);
}

function sendReleases(): void {
  for (const [socket, topics] of released) socket.send(JSON.stringify({ message: 'unsubscribe', topics }));
  released.clear();
}

function recordOf(conversationId: string, event: Record<string, unknown>): string {
  const { participantId, sessionId, queueId, direction, ani, dnis } = event;
  return JSON.stringify({
    recordId: conversationId,
    type: 'SUPPORT_INTERACTION',
    source: 'genesys-cloud',
    obtainedBy: 'event',
    interactionId: conversationId,
    conversationId,
    customerId: 'C-1001',
    agentId: event['userId'],
    participantId,
    sessionId,
    queueId,
    channel: 'CALL',
    direction,
    ani,
    dnis,
    wrapup: { code: event['wrapupCode'], notes: event['wrapupNotes'], durationMs: event['wrapupDurationMs'] },
    endedAt: new Date(Number(event['eventTime'])).toISOString(),
    capturedAt: new Date().toISOString(),
    subject: 'Invoice 77',
  });
}

const commands = {
  /** Resolves when it listens for conversations 0 to `topics`. */
  async start({ topics, apiUrl, historyUrl }: Addresses & { topics: number }): Promise<void> {
    const { origin, pathname: path } = new URL(historyUrl);
    const pool = new Pool(origin, { connections: CONNECTIONS });
    const post = async (socket: WebSocket, data: Buffer): Promise<void> => {
      const { topicName = '', eventBody } = JSON.parse(data.toString('utf8')) as Frame;
      const conversationId = eventBody?.conversationId;
      if (eventBody === undefined || conversationId === undefined) return;
      const answer = await pool.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json', 'idempotency-key': conversationId },
        body: recordOf(conversationId, eventBody),
      });
      await answer.body.dump();
      release(socket, topicName);
    };
    await listenFor(topics, apiUrl, (socket, data) => void post(socket, data));
  },
};

export type BareCapture = typeof commands;
serveCommands(commands);
