import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { backoffDelay } from '../common/backoff.js';
import { BackgroundTasks } from '../common/background-tasks.js';
import { Outbox } from '../delivery/outbox.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { ReplayJobRow } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { ReplayRepository } from './replay.repository.js';

/** How often it is looked for jobs that have come to this replica. */
const POLL_MS = 2_000;
/** Steps a second of a fast job: each is a transaction, and 200 letters are some milliseconds of one. */
const STEPS_PER_SECOND = 5;
/** Wait after a step that failed: the database is away, or the letters cannot be revived. */
const RETRY = { baseMs: 200, capMs: 30_000 };

/**
 * Works on the jobs of this replica that replay or discard, each at its own rate, until they are done. A job knows in the database how
 * far it has come, so any replica can go on with it at any time.
 */
@Injectable()
export class ReplayRunner {
  private readonly log: Log;
  private readonly tasks: BackgroundTasks;
  /** Jobs that this process works on; bounded by the number that may run. */
  private readonly working = new Set<string>();
  private stopped = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(
    private readonly replays: ReplayRepository,
    private readonly outbox: Outbox,
    private readonly replica: ReplicaService,
    logs: Logs,
  ) {
    this.log = logs.of('replay');
    this.tasks = new BackgroundTasks((err, task) => this.log.warn({ err, task }, 'replays are held up'));
  }

  /** To be called when everybody who follows outcomes does so: what is revived may end at once. */
  start(): void {
    this.stopped = new AbortController();
    this.timer = setInterval(() => this.wake(), POLL_MS);
    this.wake();
  }

  /** Ends the steps under way and leaves the jobs to another replica, or to this one after its restart. */
  async stop(): Promise<void> {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.stopped.abort();
    await this.tasks.idle();
    try {
      await this.replays.release(this.replica.id);
    } catch (err) {
      this.log.warn({ err }, 'replays could not be handed over; they are found when this replica is missing');
    }
  }

  /** A job may have come. */
  wake(): void {
    if (this.timer === undefined || this.looking || this.replica.state !== 'live') return;
    this.looking = true;
    this.tasks.run('look for replays', () => this.look().finally(() => (this.looking = false)));
  }

  private async look(): Promise<void> {
    let running = await this.replays.running();
    const free = running.filter((job) => job.owner === null).map((job) => job.id);
    if (free.length > 0) {
      await this.replays.adopt(this.replica.id, free);
      running = await this.replays.running();
    }
    for (const job of running) {
      if (job.owner !== this.replica.id || this.working.has(job.id) || this.stopped.signal.aborted) continue;
      this.working.add(job.id);
      this.tasks.run('replay', () => this.work(job).finally(() => this.working.delete(job.id)));
    }
  }

  /** Until the job is over, is another's, or this process stops. */
  private async work({ id, action, rate, replayed, total }: ReplayJobRow): Promise<void> {
    const { signal } = this.stopped;
    const limit = Math.max(1, Math.ceil(rate / STEPS_PER_SECOND));
    this.log.info({ job: id, rate, done: replayed, total }, `${action} ${replayed === 0 ? 'begins' : 'goes on'}`);
    let due = performance.now();
    for (let failures = 0; !signal.aborted && this.replica.state === 'live';) {
      try {
        const step = await this.replays.advance(id, this.replica.id, limit);
        if (step.kind !== 'not-ours' && step.revived > 0) this.outbox.wake();
        if (step.kind !== 'more') {
          this.log.info({ job: id, outcome: step.kind }, `${action} is over here`);
          return;
        }
        failures = 0;
      } catch (err) {
        const waitMs = backoffDelay(RETRY, failures++);
        this.log.warn({ err, job: id, failures, waitMs }, `a step of a ${action} failed, trying again`);
        await pause(waitMs, signal);
      }
      // From when it was due, so that the time of the step does not slow the job; but what was missed is not made up for.
      due = Math.max(performance.now(), due + (limit / rate) * 1_000);
      await pause(due - performance.now(), signal);
    }
  }
}

/** Ends early when the signal comes. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}
