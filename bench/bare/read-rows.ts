import BetterSqlite3 from 'better-sqlite3';
import { serveCommands } from '../processes/worker.js';

// What a start with work left over cannot do without: reading that work.

const commands = {
  /** Milliseconds to open the file and read the topics that are waited for and the records that are undelivered. */
  read(file: string): { ms: number; rows: number } {
    const startedAt = performance.now();
    const database = new BetterSqlite3(file, { readonly: true });
    const waiting = database.prepare(
      `select conversation_id from interactions where status in ('accepted', 'listening')`,
    );
    const undelivered = database.prepare(`select * from deliveries where state in ('pending', 'claimed')`);
    const rows = waiting.all().length + undelivered.all().length;
    database.close();
    return { ms: performance.now() - startedAt, rows };
  },
};

export type ReadRows = typeof commands;
serveCommands(commands);
