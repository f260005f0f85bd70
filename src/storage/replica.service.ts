import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { BehaviorSubject, distinctUntilChanged, filter, map } from 'rxjs';
import type { Observable } from 'rxjs';
import { BackgroundTasks } from '../common/background-tasks.js';
import { CONFIG, type Config } from '../config/config.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { Database } from './database.js';
import { ReplicaLock } from './replica.lock.js';
import { ReplicaRepository } from './replica.repository.js';
import type { Suspect } from './replica.repository.js';

/** Renewals in the life of a lease: two may fail without harm. */
const RENEWALS = 3;
/** While the lease is in doubt it is tried more often. */
const RETRY_EVERY_MS = 1_000;
/** We call ourselves lost this part of the lease before others may: it covers a renewal under way and a busy event loop. */
const LOST_MARGIN = 1 / 6;
/**
 * A lock must have been free for this long. When the database restarts, or one connection breaks, everybody's lock is
 * free for a moment, and each living replica takes its own again within this time.
 */
const CONFIRM_MS = 2_000;

/**
 * `live`: the lease holds. `lost`: it ran out or another replica took ours over; what we owned may be somebody else's,
 * so everything that must exist only once (sockets) has to be let go until `live` comes again.
 */
export type ReplicaState = 'stopped' | 'live' | 'lost';

/** The identity of this process among the replicas, its proof of life, and the taking over of those that died. */
@Injectable()
export class ReplicaService {
  /** Made anew by each process. */
  readonly id = randomUUID();
  private readonly states = new BehaviorSubject<ReplicaState>('stopped');
  readonly state$: Observable<ReplicaState> = this.states.pipe(distinctUntilChanged());
  /** The lease is gone: see `ReplicaState`. */
  readonly lost$: Observable<void> = this.state$.pipe(
    filter((state) => state === 'lost'),
    map(() => undefined),
  );
  private readonly leaseMs: number;
  private readonly log: Log;
  private readonly renewal: OutageLog;
  private readonly tasks: BackgroundTasks;
  private lock: ReplicaLock | undefined;
  private timer: NodeJS.Timeout | undefined;
  private renewing: Promise<void> | undefined;
  private lostTimer: NodeJS.Timeout | undefined;
  /** Until when nobody else may take us over, by the monotonic clock: a process that stood still is over it when it wakes up. */
  private heldUntil = 0;
  private takingOver: Promise<string[]> | undefined;
  private soughtStrangers = false;
  private running = false;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'replica'>,
    private readonly database: Database,
    private readonly replicas: ReplicaRepository,
    logs: Logs,
  ) {
    this.leaseMs = config.replica.leaseMs;
    this.log = logs.of('replica', { replica: this.id });
    this.renewal = new OutageLog(this.log, "the lease's renewal");
    this.tasks = new BackgroundTasks((error, task) => this.log.error({ err: error, task }, 'a task failed'));
  }

  get state(): ReplicaState {
    return this.states.value;
  }

  /**
   * Whether the lease holds at this very moment. To be asked before anything is said that only the owner may say: a process
   * that stood still finds out here, before any of its timers has run, and is `lost` when this returns false.
   */
  get held(): boolean {
    if (this.state === 'live' && performance.now() >= this.heldUntil) this.standsStill();
    return this.state === 'live';
  }

  /** Registers this process; to be called after the database is open and before anything is owned. */
  async start(): Promise<void> {
    if (this.running) return;
    this.running = true;
    const since = performance.now();
    const key = await this.replicas.register(this.id, this.leaseMs);
    await this.hold(key);
    this.leaseHolds(since);
  }

  /** Gives the identity up. What is still owned is found by the others as ownerless. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.become('stopped', 'stopping');
    clearTimeout(this.timer);
    clearTimeout(this.lostTimer);
    await this.tasks.idle();
    await this.takingOver?.catch(() => undefined);
    try {
      await this.replicas.remove(this.id);
    } catch (error) {
      this.log.warn({ err: error }, 'the replica row stays until its lease runs out');
    }
    await this.lock?.release();
    this.lock = undefined;
  }

  /**
   * Takes over what dead replicas owned: waiting interactions, channels, open gaps; their deliveries in flight are due
   * again with one more crash. Returns the dead ones' ids. One query when nobody is missing; waits 2 s when somebody
   * seems to be, so it must not be awaited by anything urgent.
   */
  takeOver(): Promise<string[]> {
    this.takingOver ??= this.seekDead().finally(() => {
      this.takingOver = undefined;
    });
    return this.takingOver;
  }

  private async seekDead(): Promise<string[]> {
    if (this.state !== 'live') return [];
    const dead = await this.confirm(await this.replicas.suspects(this.id));
    const strangers = await this.anyStrangers();
    if (this.state !== 'live' || (dead.length === 0 && !strangers)) return [];
    const taken = await this.replicas.inherit(this.id, dead);
    const died = taken.filter((id) => dead.some((suspect) => suspect.id === id));
    const left = taken.filter((id) => !died.includes(id));
    if (died.length > 0) this.log.warn({ dead: died }, 'took over what dead replicas owned');
    // They went in order and could not know their heir: every restart is such a take-over.
    if (left.length > 0) this.log.info({ left }, 'goes on with what replicas left that ended in order');
    return taken;
  }

  /** Those whose lease is over, and those whose lock is still free after a while. */
  private async confirm(suspects: readonly Suspect[]): Promise<Suspect[]> {
    if (suspects.every((suspect) => suspect.leaseOver)) return [...suspects];
    await sleep(CONFIRM_MS);
    const still = await this.replicas.suspects(this.id);
    return still.filter((suspect) => suspects.some((first) => first.id === suspect.id));
  }

  private async anyStrangers(): Promise<boolean> {
    // Nobody else can become one under SQLite, where this process owns the file.
    if (this.soughtStrangers && this.database.kind === 'sqlite') return false;
    const strangers = await this.replicas.strangers(this.id);
    this.soughtStrangers = true;
    return strangers.length > 0;
  }

  private async hold(key: number): Promise<void> {
    const url = this.database.postgresUrl;
    if (url === undefined) return;
    await this.lock?.release();
    this.lock = new ReplicaLock(url, key, this.log, () => this.renewAfter(RETRY_EVERY_MS));
    await this.lock.acquire();
  }

  private renewAfter(delayMs: number): void {
    if (!this.running) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tasks.run('renew the lease', () => this.renewOnce()), delayMs);
  }

  /** One renewal at a time, whoever asks for it. */
  private renewOnce(): Promise<void> {
    this.renewing ??= this.renew().finally(() => {
      this.renewing = undefined;
    });
    return this.renewing;
  }

  private async renew(): Promise<void> {
    if (!this.running) return;
    const since = performance.now();
    try {
      if (!(await this.replicas.renew(this.id, this.leaseMs))) await this.registerAgain();
      this.renewal.recovered();
      this.leaseHolds(since);
    } catch (error) {
      this.renewal.failed(error);
      this.renewAfter(RETRY_EVERY_MS);
    }
  }

  /** Somebody took us for dead. The same id may be used again: it owns nothing any more. */
  private async registerAgain(): Promise<void> {
    this.become('lost', 'another replica took over');
    await this.hold(await this.replicas.register(this.id, this.leaseMs));
  }

  /** @param since when the renewal was asked for: the lease began after it. */
  private leaseHolds(since: number): void {
    if (!this.running) return;
    // Under SQLite this process owns the file: nobody can take it over, however long the disk does not answer.
    this.heldUntil = this.database.kind === 'sqlite' ? Infinity : since + this.leaseMs * (1 - LOST_MARGIN);
    const leftMs = this.heldUntil - performance.now();
    // The renewal took that long: the next one tells whether somebody noticed.
    if (leftMs <= 0) return this.standsStill();
    this.become('live', 'the lease holds');
    this.watchEnd();
    this.renewAfter(this.leaseMs / RENEWALS);
  }

  /** Notices the end of the lease though nobody asks. A timer may come a moment early, which is not the end yet. */
  private watchEnd(): void {
    clearTimeout(this.lostTimer);
    if (!this.held || this.heldUntil === Infinity) return;
    this.lostTimer = setTimeout(() => this.watchEnd(), Math.ceil(this.heldUntil - performance.now()));
  }

  private standsStill(): void {
    this.become('lost', 'the lease could not be renewed in time');
    this.renewAfter(0);
  }

  /** The one place where the state changes. */
  private become(state: ReplicaState, reason: string): void {
    if (this.state === state) return;
    this.log.info({ from: this.state, to: state, reason }, 'replica state');
    this.states.next(state);
  }
}
