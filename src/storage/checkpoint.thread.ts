// The program of the thread that `Checkpointer` starts. It runs as it stands under tests, too, so it imports nothing of ours.
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';

/** Under the heaviest load measured, 25,000 pages a second, each check finds what is worth moving. */
const CHECK_MS = 100;
/** After a failure, e.g. on a full disk: seldom enough for a line in the log each time. */
const PAUSE_MS = 5_000;
/** Fewer pages (8 MiB) stay in the log: they would soon be changed again, and each move is two syncs. */
const MOVE_PAGES = 2_000;
/** From so many pages (32 MiB) on the log is to begin anew, which only its writer can make it do. */
const RESTART_PAGES = 8_000;

/** What the thread is given. */
export interface CheckpointOrder {
  file: string;
}

/** What it says: the log can begin anew once its writer has moved the last few pages; or why nothing was moved. */
export type CheckpointReport = { kind: 'nearly-done' } | { kind: 'failed'; error: Error };

interface Progress {
  log: number;
  checkpointed: number;
}

const { file } = workerData as CheckpointOrder;
// Never waits for anybody: what cannot be moved now is moved later.
const database = new BetterSqlite3(file, { timeout: 0 });
database.pragma('synchronous = FULL');
database.pragma('wal_autocheckpoint = 0');

let timer = setTimeout(check, CHECK_MS);
parentPort?.once('message', () => {
  clearTimeout(timer);
  database.close();
});

function check(): void {
  let pauseMs = CHECK_MS;
  try {
    move();
  } catch (error) {
    report({ kind: 'failed', error: error as Error });
    pauseMs = PAUSE_MS;
  }
  timer = setTimeout(check, pauseMs);
}

function move(): void {
  const before = progress('noop');
  if (before.log - before.checkpointed < MOVE_PAGES) return;
  const after = progress('passive');
  if (after.log < RESTART_PAGES) return;
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
