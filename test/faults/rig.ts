import { setTimeout as sleep } from 'node:timers/promises';
import type { GenesysOptionsInput } from '../../simulator/genesys/options.js';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { API_KEYS } from '../helpers/environment.js';
import { Audit } from './audit.js';
import { Callers } from './callers.js';
import { makeDatabase, type TestDatabase } from './databases.js';
import { type Environment, GatewayUnit } from './gateway-unit.js';
import { type Ledger, LedgerSampler } from './ledger-sampler.js';
import type { Counts, DatabaseKind } from './scenario.js';
import { TcpProxy } from './tcp-proxy.js';
import { Traffic, type TrafficOptions } from './traffic.js';

export interface RigOptions {
  database: DatabaseKind;
  /** Replicas; more than one needs PostgreSQL. */
  units?: number;
  environment?: Environment;
  /** Per replica, beside `environment`. */
  unitEnvironment?: (index: number) => Environment;
  genesys?: Partial<GenesysOptionsInput>;
  traffic?: TrafficOptions;
  /** A database server of its own, to be stopped or changed. */
  ownServer?: boolean;
  /** Folder of the SQLite file. */
  folder?: string;
  /** Sees every line of log. */
  onLine?: (line: string) => void;
}

/** What the verdict allows beyond the rule that everything is delivered once. */
export interface Expectations {
  /** Records that are dead at the end, on purpose. */
  dead?: number;
  /** Ends of processes that nobody ordered, on purpose. */
  accidents?: number;
  /** A database that is away makes a start fail; a supervisor starts again. */
  failedStarts?: boolean;
  /** Longest settling, ms. */
  withinMs?: number;
  /** Topics and channels may stay, e.g. of interactions that nobody finishes. */
  leftovers?: boolean;
}

/** Times of seconds instead of minutes, all through the documented environment. */
export const QUICK: Environment = {
  HEARTBEAT_TIMEOUT_MS: '1200',
  PING_TIMEOUT_MS: '400',
  SUBSCRIBE_TIMEOUT_MS: '700',
  LOOKUP_SWEEP_S: '1',
  CHANNEL_LINGER_MS: '500',
  // A minute's notice is seconds here, so its waits are, too.
  HAND_OVER_WAIT_MAX_MS: '500',
  RETRY_BASE_MS: '50',
  RETRY_CAP_MS: '1000',
  GENESYS_TIMEOUT_MS: '1500',
  HISTORY_TIMEOUT_MS: '1500',
  GENESYS_REQUESTS_PER_MINUTE: '100000',
  SHUTDOWN_GRACE_S: '5',
};
const QUICK_GENESYS: Partial<GenesysOptionsInput> = { heartbeatMs: 400, requestsPerMinute: 1_000_000 };
const SETTLE_MS = 40_000;
/** What nobody waits for must be gone by then. */
const LEFTOVER_MS = 20_000;
const POLL_MS = 50;

/** Genesys Cloud and the history in this process, where no kill reaches them; proxies on every wire; real gateways. */
export class Rig {
  readonly units: GatewayUnit[] = [];
  readonly callers = new Callers();
  readonly audit: Audit;
  readonly traffic: Traffic;
  readonly ledger: LedgerSampler;
  readonly violations: string[] = [];
  private closed = false;

  private constructor(
    readonly simulator: Simulator,
    readonly database: TestDatabase,
    readonly login: TcpProxy,
    readonly api: TcpProxy,
    readonly history: TcpProxy,
    /** One per replica; none for SQLite. */
    readonly databaseLinks: TcpProxy[],
    options: RigOptions,
  ) {
    this.audit = new Audit(simulator);
    const count = options.units ?? 1;
    for (let index = 0; index < count; index++) {
      const environment = (): Environment => this.environmentOf(index, options);
      this.units.push(new GatewayUnit(`gateway-${index}`, environment, options.onLine));
    }
    this.traffic = new Traffic(simulator, this.units, this.callers, this.audit, options.traffic);
    this.ledger = new LedgerSampler(this.units, this.callers, this.audit, () => simulator.history.records.size);
  }

  /** Everything up, gateways included unless `idle`. */
  static async open(options: RigOptions & { idle?: boolean }): Promise<Rig> {
    const database = await makeDatabase(options.database, {
      ownServer: options.ownServer ?? false,
      folder: options.folder ?? '',
    });
    const [login, api, history] = await Promise.all([TcpProxy.open(), TcpProxy.open(), TcpProxy.open()]);
    const simulator = await startSimulator({
      genesys: { ...QUICK_GENESYS, ...options.genesys },
      publicApiUrl: `http://127.0.0.1:${api.port}`,
    });
    login.leadTo(addressOf(simulator.loginUrl));
    api.leadTo(addressOf(simulator.apiUrl));
    history.leadTo(addressOf(simulator.historyUrl));
    const { address } = database;
    const links = address
      ? await Promise.all(Array.from({ length: options.units ?? 1 }, () => TcpProxy.open(address)))
      : [];
    const rig = new Rig(simulator, database, login, api, history, links, options);
    if (options.idle !== true) await Promise.all(rig.units.map((unit) => unit.start()));
    return rig;
  }

  get unit(): GatewayUnit {
    return this.units[0] as GatewayUnit;
  }

  get links(): TcpProxy[] {
    return [this.login, this.api, this.history, ...this.databaseLinks];
  }

  /** Kills it, and starts it again after a pause. */
  async killAndStart(unit = this.unit, downMs = 0): Promise<void> {
    await unit.kill();
    if (downMs > 0) await sleep(downMs);
    this.audit.faultOver();
    await unit.start();
  }

  /** Ends every PostgreSQL connection of this database. */
  async terminateBackends(): Promise<number> {
    const rows = await this.database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    return rows.length;
  }

  /** Ends what can be ended: proxies let everything through, the simulator obeys. */
  liftFaults(): void {
    for (const link of this.links) link.restore();
    this.simulator.genesys.faults.clear();
    this.simulator.history.recover();
  }

  async readLedger(unit = this.unit): Promise<Ledger | undefined> {
    const reply = await this.callers.call(unit, 'GET', '/ops/ledger', { as: 'admin' });
    return reply?.status === 200 ? (reply.body as unknown as Ledger) : undefined;
  }

  /** One metric's value, summed over labels that fit; NaN when the replica does not answer. */
  async metric(name: string, labels = '', unit = this.unit): Promise<number> {
    const reply = await this.callers.call(unit, 'GET', '/metrics', { as: 'admin' });
    if (!reply) return NaN;
    const lines = reply.text
      .split('\n')
      .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Asks again and again; false after `withinMs`. */
  async until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!(await holds())) {
      if (performance.now() > deadline) return false;
      await sleep(POLL_MS);
    }
    return true;
  }

  /** Notes a violation unless `holds`. */
  expect(holds: boolean, violation: string): void {
    if (!holds) this.violations.push(violation);
  }

  /** Waits until all is delivered and let go, then counts everything. */
  async verdict(repetitions: number, expectations: Expectations = {}): Promise<Counts> {
    const { withinMs = SETTLE_MS, dead = 0, leftovers = false } = expectations;
    const { audit, simulator } = this;
    const deadline = performance.now() + withinMs;
    const leftMs = (): number => Math.max(0, deadline - performance.now());
    await this.until(() => audit.due.length <= dead, leftMs());
    const settled = await this.until(async () => {
      const ledger = await this.readLedger();
      return (
        ledger !== undefined &&
        ledger.delivered + ledger.dead + (leftovers ? ledger.accepted + ledger.listening : 0) >= audit.accepted.size
      );
    }, leftMs());
    if (!leftovers) await this.until(() => simulator.genesys.topics().length === 0, Math.min(LEFTOVER_MS, leftMs()));
    const ledger = await this.readLedger();
    await this.ledger.stop();
    this.judge(expectations, ledger, settled);
    if ((ledger?.dead ?? 0) > dead) this.violations.push(`dead letters: ${await this.deadLetters()}`);
    const { accepted, finished, delivered, duplicates } = audit;
    return {
      repetitions,
      emitted: finished,
      captured: (ledger?.captured ?? 0) + (ledger?.delivered ?? 0) + (ledger?.dead ?? 0),
      delivered,
      lost: finished - delivered - dead,
      distinctDuplicates: duplicates,
      repeats: simulator.history.repeats,
      worstRecoveryMs: Math.round(audit.worstRecoveryMs),
      extra: { accepted: accepted.size, byLookup: audit.byLookup.size, ledgerSamples: this.ledger.samples },
      violations: this.violations,
    };
  }

  /** Ends everything, whatever state it is in. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.liftFaults();
    await Promise.all(this.units.map((unit) => unit.dispose()));
    await this.traffic.stop();
    await this.ledger.stop();
    this.audit.stop();
    await this.callers.close();
    await Promise.all(this.links.map((link) => link.close()));
    await this.simulator.stop();
    await this.database.remove();
  }

  private judge(expectations: Expectations, ledger: Ledger | undefined, settled: boolean): void {
    const { dead = 0, accidents = 0, failedStarts = false, leftovers = false } = expectations;
    const { audit, simulator } = this;
    const { genesys, history } = simulator;
    const exits = this.units.flatMap((unit) => unit.accidents).filter((exit) => exit.served || !failedStarts);
    this.violations.push(...this.ledger.violations.slice(0, 5), ...this.traffic.refusals.slice(0, 5));
    for (const item of audit.due.slice(0, 5 + dead)) {
      if (audit.due.length > dead) this.violations.push(`no record of ${item.id} (${item.story})`);
    }
    this.expect(settled, `the ledger did not settle: ${JSON.stringify(ledger)}`);
    this.expect(audit.duplicates === 0, `${audit.duplicates} interactions have more than one record`);
    this.expect(history.conflicts.length === 0, `${history.conflicts.length} keys came with another body`);
    this.expect(audit.phantoms === 0, `${audit.phantoms} records of nothing that was accepted`);
    this.expect(audit.wrongCodes === 0, `${audit.wrongCodes} records with a wrong wrap-up code`);
    this.expect(audit.evictedByQuota === 0, `${audit.evictedByQuota} channels were evicted by our own creations`);
    this.expect(
      audit.cleared === 0,
      `${audit.cleared} topics were unsubscribed while somebody waited for them: ${audit.clearings.join('; ')}`,
    );
    this.expect((ledger?.dead ?? 0) === dead, `${ledger?.dead} dead, not ${dead}`);
    this.expect((ledger?.expired ?? 0) === 0, `${ledger?.expired} expired`);
    this.expect(
      exits.length === accidents,
      `${exits.length} processes ended by themselves: ${JSON.stringify(exits.slice(0, 2)).slice(0, 1500)}`,
    );
    if (!leftovers) {
      this.expect(
        genesys.topics().length === 0,
        `${genesys.topics().length} topics were left behind: ${this.describeChannels()}`,
      );
    }
  }

  private async deadLetters(): Promise<string> {
    const reply = await this.callers.call(this.unit, 'GET', '/ops/dead-letters?limit=5', { as: 'admin' });
    return reply?.text.slice(0, 2_000) ?? 'nobody answers';
  }

  private describeChannels(): string {
    return this.simulator.genesys
      .channels()
      .map(
        ({ id, connected, topics }) =>
          `${id.slice(-6)} ${connected ? 'connected' : 'without socket'}: ${topics.length}`,
      )
      .join(', ');
  }

  private environmentOf(index: number, options: RigOptions): Environment {
    return {
      HOST: '127.0.0.1',
      PORT: '0',
      API_KEYS,
      GENESYS_LOGIN_URL: `http://127.0.0.1:${this.login.port}`,
      GENESYS_API_URL: `http://127.0.0.1:${this.api.port}`,
      GENESYS_CLIENT_ID: 'demo-client',
      GENESYS_CLIENT_SECRET: 'demo-secret',
      GENESYS_GRANT: 'client-credentials',
      HISTORY_URL: `http://127.0.0.1:${this.history.port}${new URL(this.simulator.historyUrl).pathname}`,
      DATABASE_URL: this.database.url(this.databaseLinks[index]?.port),
      LOG_LEVEL: 'info',
      ...QUICK,
      ...options.environment,
      ...options.unitEnvironment?.(index),
    };
  }
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
