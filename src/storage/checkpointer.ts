import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Log } from '../telemetry/logs.js';
import type { CheckpointOrder, CheckpointReport } from './checkpoint.thread.js';

/** It has next to no objects. V8's own figures for a thread are meant for programs. */
const MEMORY = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };

/** The same extension as this file: `.js` as built, `.ts` under tests. */
const THREAD = new URL(`./checkpoint.thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Moves SQLite's log to the database from a thread and a connection of its own. In the writer's thread it stops the event
 * loop for 60 to 90 ms each time on a fast disk, and for half a second on a slow one. Without this thread nothing is lost or
 * unbounded: the writer's own limit on the log (`wal_autocheckpoint`) stays in force.
 */
export class Checkpointer {
  private thread: Worker | undefined;
  private ended: Promise<void> = Promise.resolve();

  /** @param finish moves the last pages through the writer's connection, which alone can make the log begin anew. */
  constructor(
    private readonly log: Log,
    private readonly finish: () => Promise<unknown>,
  ) {}

  /** @param file the database, open already. */
  start(file: string): void {
    const workerData: CheckpointOrder = { file };
    const thread = new Worker(THREAD, { workerData, name: 'checkpoints', resourceLimits: MEMORY });
    this.thread = thread;
    this.ended = new Promise((resolve) => thread.once('exit', () => resolve()));
    thread.on('message', (report: CheckpointReport) => void this.take(thread, report));
    thread.on('error', (error) => {
      this.log.warn({ err: error }, 'the thread that moves the log has ended; the main thread does it from now on');
    });
  }

  /** Resolves when the thread has closed its connection. */
  async stop(): Promise<void> {
    const { thread } = this;
    this.thread = undefined;
    thread?.postMessage('stop');
    await this.ended;
  }

  /** Never rejects: what could not be moved now is tried again at the next check. */
  private async take(thread: Worker, report: CheckpointReport): Promise<void> {
    if (this.thread !== thread) return;
    try {
      if (report.kind === 'failed') throw report.error;
      await this.finish();
    } catch (error) {
      this.log.warn({ err: error }, 'the log could not be moved to the database; it is tried again');
    }
  }
}
