import { performance } from 'node:perf_hooks';
import { type Kysely, sql } from 'kysely';
import { asError } from '../common/errors.js';
import type { Log } from '../telemetry/logs.js';
import type { Schema } from './schema.js';

/** Less is adjusted by NTP without a step (0.5 ms a second at most), and nothing here waits for less by the wall clock. */
const STEP_MS = 2_000;
/** What is written between a step and the look at it has new times already; so looks are frequent. */
const LOOK_MS = 250;

/** Milliseconds; only differences count. */
export interface Clocks {
  wall: () => number;
  steady: () => number;
}

const OF_THE_MACHINE: Clocks = { wall: () => Date.now(), steady: () => performance.now() };

/** Who has to move what he holds in memory; given the step in milliseconds. */
export type StepListener = (stepMs: number) => void;

/**
 * SQLite's clock is the machine's wall clock, and that is set now and then. This notices it by the monotonic clock, and moves
 * the times of what waits along. PostgreSQL's server has a clock of its own, the same for everybody.
 */
export class ClockWatch {
  private readonly listeners = new Set<StepListener>();
  private timer: NodeJS.Timeout | undefined;
  private offset = 0;
  private shifting: Promise<void> | undefined;

  /** @param shift moves the rows, all or none */
  constructor(
    private readonly shift: (stepMs: number) => Promise<void>,
    private readonly log: Log,
    private readonly clocks: Clocks = OF_THE_MACHINE,
  ) {}

  start(): void {
    this.offset = this.currentOffset();
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    // A process with nothing else to do may end.
    this.timer.unref();
  }

  /** Resolves when nothing is being moved any more. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.shifting;
  }

  onStep(listener: StepListener): void {
    this.listeners.add(listener);
  }

  /** Moves what waits if the clock has been set since the last look. Never rejects: what fails is tried at the next look. */
  look(): Promise<void> {
    this.shifting ??= this.moveAlong().finally(() => (this.shifting = undefined));
    return this.shifting;
  }

  private async moveAlong(): Promise<void> {
    const offset = this.currentOffset();
    const stepMs = Math.round(offset - this.offset);
    if (Math.abs(stepMs) < STEP_MS) {
      // Many small adjustments are no step.
      this.offset = offset;
      return;
    }
    try {
      await this.shift(stepMs);
    } catch (error) {
      this.log.warn({ err: asError(error), stepMs }, 'the clock was set, and what waits could not be moved along yet');
      return;
    }
    this.offset = offset;
    for (const listener of this.listeners) listener(stepMs);
    this.log.warn({ stepMs }, 'the clock was set; what waits has been moved along');
  }

  private currentOffset(): number {
    return this.clocks.wall() - this.clocks.steady();
  }
}

/**
 * Moves the times of what waits by a step of the clock. The direction decides, since rows written after the step have the right
 * time already, and since a process that was stopped sees a step forward where none was: what is waited for only moves to an
 * earlier time, so that nothing is held up, and the end of what is allowed only to a later one, so that nothing is cut short.
 *
 * - A step back: what is due (`due_at`, `lookup_at`), and since when work counts (`accepted_at`): with a time to come, the
 *   work that Genesys reports would be older than its interaction, and would never count.
 * - A step forward: how long an interaction and a subscription live (`expires_at`), and since when a delivery is tried, from
 *   which `RETRY_MAX_HOURS` count.
 * - Both: `received_at`, from which the age of the backlog comes, and the leases of claims, which last seconds.
 *
 * Left alone: what is over, since its times are history, with those of replay jobs, that are compared with it; the leases of
 * replicas, which SQLite's one process does not go by; channels and gaps, whose times go to the second by what Genesys says.
 */
export async function shiftTimes(trx: Kysely<Schema>, stepMs: number): Promise<void> {
  const by = sql.lit(stepMs);
  const [back, forward] = [sql.lit(Math.min(0, stepMs)), sql.lit(Math.max(0, stepMs))];
  // The conditions are literal, as those of the indexes are.
  await sql`
    update deliveries set
      due_at = due_at + ${back}, claimed_until = claimed_until + ${by},
      first_attempt_at = first_attempt_at + ${forward}, received_at = received_at + ${by}
    where state in ('pending', 'claimed')`.execute(trx);
  await sql`
    update interactions set
      accepted_at = accepted_at + ${back}, listening_at = listening_at + ${back}, lookup_at = lookup_at + ${back},
      lookup_open_at = lookup_open_at + ${back}, expires_at = expires_at + ${forward}
    where status in ('accepted', 'listening')`.execute(trx);
  if (stepMs > 0) {
    await sql`update push_subscriptions set expires_at = expires_at + ${by} where ended_at is null`.execute(trx);
  }
}
