import { Pool } from 'undici';
import { serveCommands } from '../processes/worker.js';
import { conversationId } from '../load/conversations.js';

// What draining cannot do without: one POST for each record, so many at a time.

interface Loop {
  /** Where to; all get the same share. */
  urls: string[];
  count: number;
  /** Requests under way at a time, all receivers together. */
  connections: number;
  /** Length of a body, about. */
  bytes: number;
}

const commands = {
  async post({ urls, count, connections, bytes }: Loop): Promise<void> {
    const filling = 'x'.repeat(bytes);
    const targets = urls.map((url) => {
      const { origin, pathname: path } = new URL(url);
      return { pool: new Pool(origin, { connections: Math.ceil(connections / urls.length) }), path };
    });
    let next = 0;
    const loop = async ({ pool, path }: { pool: Pool; path: string }): Promise<void> => {
      while (next < count) {
        const id = conversationId(next++);
        const answer = await pool.request({
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json', 'idempotency-key': id },
          body: JSON.stringify({ conversationId: id, notes: filling }),
        });
        await answer.body.dump();
      }
    };
    const shares = targets.flatMap((target) =>
      Array.from({ length: Math.ceil(connections / urls.length) }, () => loop(target)),
    );
    await Promise.all(shares);
    await Promise.all(targets.map(({ pool }) => pool.close()));
  },
};

export type PostLoop = typeof commands;
serveCommands(commands);
