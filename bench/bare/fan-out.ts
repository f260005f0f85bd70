import { randomUUID } from 'node:crypto';
import BetterSqlite3 from 'better-sqlite3';
import Fastify from 'fastify';
import { serveCommands } from '../processes/worker.js';
import { publicationSchema } from '../../src/push/notification.schemas.js';

// What fanning out cannot do without: the route with the same validation, and one synced SQLite transaction with a row for
// the event and one for each subscriber. Everybody matches; nothing is looked up.

const commands = {
  async start({ file, subscribers }: { file: string; subscribers: number }): Promise<string> {
    const database = new BetterSqlite3(file);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec(`
      create table events (id text primary key, tag text not null, message text not null);
      create table deliveries (event text not null, subscription text not null, state text not null,
        primary key (event, subscription)) without rowid`);
    const event = database.prepare('insert into events (id, tag, message) values (?, ?, ?)');
    const delivery = database.prepare(`insert into deliveries (event, subscription, state) values (?, ?, 'pending')`);
    const subscriptions = Array.from({ length: subscribers }, () => randomUUID());
    const store = database.transaction((id: string, tag: string, message: string) => {
      event.run(id, tag, message);
      for (const subscription of subscriptions) delivery.run(id, subscription);
    });
    const server = Fastify();
    server.post('/genesys/1/notification/publish', async (request, reply) => {
      const checked = publicationSchema.safeParse(request.body);
      if (!checked.success) return reply.status(400).send({ message: checked.error.message });
      const { tag, message = '' } = checked.data;
      const id = randomUUID();
      store(id, tag, message);
      return { id, matched: subscribers };
    });
    return server.listen({ host: '127.0.0.1', port: 0 });
  },
};

export type BareFanOut = typeof commands;
serveCommands(commands);
