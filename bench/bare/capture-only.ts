import BetterSqlite3 from 'better-sqlite3';
import { serveCommands } from '../processes/worker.js';
import { listenFor, type Frame } from './sockets.js';

// What making events durable cannot do without: the socket, JSON.parse, and one SQLite transaction for what has come, 50
// at most, synced to disk.

const BATCH = 50;

const commands = {
  async start({ topics, apiUrl, file }: { topics: number; apiUrl: string; file: string }): Promise<void> {
    const database = new BetterSqlite3(file);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec('create table captured (seq integer primary key, id text not null unique, body text not null)');
    const insert = database.prepare('insert into captured (id, body) values (?, ?)');
    const store = database.transaction((batch: NonNullable<Frame['eventBody']>[]) => {
      for (const event of batch) insert.run(event.conversationId, JSON.stringify(event));
    });
    const queue: NonNullable<Frame['eventBody']>[] = [];
    const drain = (): void => {
      store(queue.splice(0, BATCH));
      if (queue.length > 0) setImmediate(drain);
    };
    await listenFor(topics, apiUrl, (_, data) => {
      const { eventBody } = JSON.parse(data.toString('utf8')) as Frame;
      if (eventBody?.conversationId === undefined) return;
      if (queue.push(eventBody) === 1) setImmediate(drain);
    });
  },
};

export type BareCaptureOnly = typeof commands;
serveCommands(commands);
