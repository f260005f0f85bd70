// The program of the thread that `Checkpointer` starts. It runs as it stands under tests, too, so it imports nothing of ours.
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';

/** What the thread is given. */
export interface CheckpointOrder {
  file: string;
  checkMs: number;
  /** After a failure, e.g. on a full disk, nothing is tried for so long. */
  pauseMs: number;
  /** Fewer pages than these stay in the log: they would soon be changed again, and each move is two syncs. */
  movePages: number;
  /** From so many pages on the log is to begin anew, which only its writer can make it do. */
  restartPages: number;
}

/** What it says: the log can begin anew once its writer has moved the last few pages; or why nothing was moved. */
export type CheckpointReport = { kind: 'nearly-done' } | { kind: 'failed'; error: Error };

interface Progress {
  log: number;
  checkpointed: number;
}

const order = workerData as CheckpointOrder;
// Never waits for anybody: what cannot be moved now is moved later.
const database = new BetterSqlite3(order.file, { timeout: 0 });
database.pragma('synchronous = FULL');
database.pragma('wal_autocheckpoint = 0');

let timer = setTimeout(check, order.checkMs);
parentPort?.once('message', () => {
  clearTimeout(timer);
  database.close();
});

function check(): void {
  let pauseMs = order.checkMs;
  try {
    move();
  } catch (error) {
    report({ kind: 'failed', error: error as Error });
    ({ pauseMs } = order);
  }
  timer = setTimeout(check, pauseMs);
}

function move(): void {
  const before = progress('noop');
  if (before.log - before.checkpointed < order.movePages) return;
  const after = progress('passive');
  if (after.log < order.restartPages) return;
  // What was written during the first pass is moved by a second one, so that little is left for the writer.
  progress('passive');
  report({ kind: 'nearly-done' });
}

/** A passive checkpoint moves what it can while others read and write; `noop` only counts. */
function progress(mode: 'noop' | 'passive'): Progress {
  const [row] = database.pragma(`wal_checkpoint(${mode})`) as [Progress];
  return row;
}

function report(message: CheckpointReport): void {
  parentPort?.postMessage(message);
}
