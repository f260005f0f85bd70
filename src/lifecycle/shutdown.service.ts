import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { asError } from '../common/errors.js';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import { Deadline } from './deadline.js';

/**
 * In this order: stop taking requests and finish those under way; stop what brings events; finish what is being delivered;
 * let go of leases and close the database.
 */
export const SHUTDOWN_PHASES = ['intake', 'sources', 'deliveries', 'storage'] as const;
export type ShutdownPhase = (typeof SHUTDOWN_PHASES)[number];

export type LifecycleState = 'running' | 'draining' | 'closed';

/** What a part does in its phase. It must settle by the deadline; what it leaves undone must be safe to leave. */
export type ShutdownStep = (deadline: Deadline) => Promise<void>;

export interface ShutdownReport {
  /** Nothing had to be left behind. */
  clean: boolean;
  /** `phase/name` of each step that was still running at its deadline, or failed. */
  forced: readonly string[];
}

/** What every phase gets even when the ones before used up the time, so that leases are handed back. */
const PHASE_FLOOR_MS = 500;

/** The ladder that the process goes down: once, phase by phase, each bounded by what is left of SHUTDOWN_GRACE_S. */
@Injectable()
export class ShutdownService implements OnModuleDestroy {
  private readonly log: Log;
  private readonly steps: { phase: ShutdownPhase; name: string; run: ShutdownStep }[] = [];
  private current: LifecycleState = 'running';
  private descent: Promise<ShutdownReport> | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    logs: Logs,
  ) {
    this.log = logs.of('shutdown');
  }

  get state(): LifecycleState {
    return this.current;
  }

  /** Adds a step; those of one phase run side by side. */
  register(phase: ShutdownPhase, name: string, run: ShutdownStep): void {
    if (this.current !== 'running') throw new Error(`The step ${phase}/${name} came when the shutdown had begun.`);
    this.steps.push({ phase, name, run });
  }

  /** Goes down the ladder; further calls wait for the first. Never rejects. */
  begin(reason: string): Promise<ShutdownReport> {
    this.descent ??= this.descend(reason);
    return this.descent;
  }

  /** Closing the application without a signal, as tests do, takes the same way. */
  async onModuleDestroy(): Promise<void> {
    await this.begin('application closed');
  }

  private async descend(reason: string): Promise<ShutdownReport> {
    this.enter('draining', reason);
    const deadline = Deadline.in(this.config.shutdownGraceMs);
    const forced: string[] = [];
    for (const phase of SHUTDOWN_PHASES) {
      const bound = deadline.atLeast(PHASE_FLOOR_MS);
      const steps = this.steps.filter((step) => step.phase === phase);
      await Promise.all(
        steps.map(async ({ name, run }) => {
          if (!(await this.finished(`${phase}/${name}`, run, bound))) forced.push(`${phase}/${name}`);
        }),
      );
    }
    this.enter('closed', forced.length === 0 ? 'everything finished' : `left behind: ${forced.join(', ')}`);
    return { clean: forced.length === 0, forced };
  }

  private async finished(name: string, run: ShutdownStep, bound: Deadline): Promise<boolean> {
    const began = performance.now();
    try {
      // Through `then`, so that a step that throws before its first await is a rejection too.
      const inTime = await bound.meets(Promise.resolve(bound).then(run));
      const ms = Math.round(performance.now() - began);
      if (inTime) this.log.debug({ step: name, ms }, 'step finished');
      else this.log.error({ step: name, ms }, 'step did not finish in time and is left behind');
      return inTime;
    } catch (thrown) {
      this.log.error({ step: name, err: asError(thrown) }, 'step failed');
      return false;
    }
  }

  private enter(next: LifecycleState, reason: string): void {
    this.log.info({ from: this.current, to: next, reason }, 'lifecycle');
    this.current = next;
  }
}
