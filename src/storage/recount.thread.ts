// The program of the thread that `KeptCounts` starts. It runs as it stands under tests, too, so it imports nothing of ours.
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';

/** What the thread is given: the file, and statements whose rows are all to be of one moment. */
export interface RecountOrder {
  file: string;
  statements: readonly string[];
}

/** The rows of each statement. */
export type RecountReport = unknown[][];

const { file, statements } = workerData as RecountOrder;
const database = new BetterSqlite3(file, { readonly: true });
try {
  // One transaction, so that all of them see the same moment however long it takes.
  const read = database.transaction((): RecountReport => statements.map((text) => database.prepare(text).all()));
  parentPort?.postMessage(read());
} finally {
  database.close();
}
