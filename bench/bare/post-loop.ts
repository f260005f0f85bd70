import { Pool } from 'undici';
import { serveCommands } from '../processes/worker.js';
import { conversationId } from '../load/conversations.js';

// What draining a backlog cannot do without: one POST for each record, 32 at a time.

const CONNECTIONS = 32;
/** As long as the seeded records. */
const FILLING = 'x'.repeat(600);

const commands = {
  async post({ historyUrl, count }: { historyUrl: string; count: number }): Promise<void> {
    const { origin, pathname: path } = new URL(historyUrl);
    const pool = new Pool(origin, { connections: CONNECTIONS });
    let next = 0;
    const loop = async (): Promise<void> => {
      while (next < count) {
        const id = conversationId(next++);
        const answer = await pool.request({
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json', 'idempotency-key': id },
          body: JSON.stringify({ recordId: id, conversationId: id, notes: FILLING }),
        });
        await answer.body.dump();
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, loop));
    await pool.close();
  },
};

export type PostLoop = typeof commands;
serveCommands(commands);
