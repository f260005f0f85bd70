import { Inject, Injectable, Optional } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorFunction, type HealthIndicatorResult } from '@nestjs/terminus';
import { TokenService } from '../auth/token.service.js';
import { asError, GatewayError } from '../common/errors.js';
import { CONFIG, type Config } from '../config/config.js';
import { DeliveryService } from '../delivery/delivery.service.js';
import { ShutdownService } from '../lifecycle/shutdown.service.js';
import { ChannelCreator } from '../notifications/channel-creator.service.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';
import { ChannelManager } from '../notifications/channel-manager.service.js';
import { GapRecorder } from '../notifications/gap-recorder.service.js';
import { LedgerCheck } from '../operations/ledger-check.service.js';
import { SubscriptionIndex } from '../push/subscriptions/subscription-index.js';
import { PUSH_SINK, PUSH_SINKS } from '../push/subscriptions/subscription.js';
import { Database } from '../storage/database.js';
import { ReplicaService } from '../storage/replica.service.js';
import { StorageProbe } from '../storage/storage-probe.js';
import { BacklogUnknownError, LeaseLostError } from './health.errors.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import { DirectFeed } from '../streams/direct/direct.feed.js';
import { HISTORY_SINK } from '../history/history.sink.js';

/**
 * One entry per part. Only storage and a shutdown take the pod out of service (`down`): intake stays durable without
 * Genesys and without the history service, so their trouble is `degraded`.
 */
@Injectable()
export class HealthIndicators {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly database: Database,
    private readonly probe: StorageProbe,
    private readonly replica: ReplicaService,
    private readonly shutdown: ShutdownService,
    private readonly tokens: TokenService,
    private readonly fleet: ChannelFleet,
    private readonly manager: ChannelManager,
    private readonly creator: ChannelCreator,
    private readonly gaps: GapRecorder,
    private readonly delivery: DeliveryService,
    private readonly ledgerCheck: LedgerCheck,
    private readonly direct: DirectFeed,
    @Inject(CONFIG) private readonly config: Config,
    @Optional() private readonly subscriptions?: SubscriptionIndex,
  ) {}

  /** What decides whether the pod takes requests. */
  readonly ready: HealthIndicatorFunction[] = [() => this.lifecycle(), () => this.storage()];

  /** Every part. */
  readonly all: HealthIndicatorFunction[] = [
    ...this.ready,
    () => this.token(),
    () => this.channels(),
    () => this.history(),
    () => this.lastGap(),
    () => this.ledger(),
    () => this.push(),
    () => this.stream(),
  ];

  lifecycle(): HealthIndicatorResult {
    const entry = this.indicator.check('lifecycle');
    const { state } = this.shutdown;
    return state === 'running' ? entry.up({ state }) : entry.down({ state });
  }

  /** A real write, as an intake would make it. */
  async storage(): Promise<HealthIndicatorResult> {
    const entry = this.indicator.check('storage');
    const { kind, target } = this.database;
    const trouble = await this.probe.trouble();
    return trouble ? entry.down({ kind, target, lastError: lastErrorOf(trouble) }) : entry.up({ kind, target });
  }

  token(): HealthIndicatorResult {
    const entry = this.indicator.check('token');
    const { status: state, expiresAt, lastError } = this.tokens.state();
    const facts = {
      state,
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
      ...(lastError === undefined ? {} : { lastError: { ...lastError, at: new Date(lastError.at).toISOString() } }),
    };
    return state === 'refused' || state === 'unavailable' ? entry.degraded(facts) : entry.up(facts);
  }

  channels(): HealthIndicatorResult {
    const entry = this.indicator.check('channels');
    const channels = [...this.fleet.current];
    const ages = channels.flatMap((channel) => channel.quietForMs ?? []);
    const recovering = channels.filter((channel) => channel.state === 'recovering').length;
    const facts = {
      count: channels.filter(({ state }) => state !== 'creating').length,
      topics: this.manager.topicCount,
      unplacedTopics: this.manager.unplacedCount,
      uncoveredTopics: this.manager.uncoveredCount,
      recovering,
      oldestHeartbeatAgeMs: ages.length === 0 ? null : Math.round(Math.max(...ages)),
      ...problemOf(this.creator.lastError),
    };
    if (this.replica.state === 'lost')
      return entry.degraded({ ...facts, lastError: lastErrorOf(new LeaseLostError()) });
    const wellServed = recovering === 0 && this.manager.unplacedCount === 0 && this.creator.lastError === undefined;
    return wellServed ? entry.up(facts) : entry.degraded(facts);
  }

  async history(): Promise<HealthIndicatorResult> {
    const entry = this.indicator.check('history');
    const { breaker, failing, lastError } = this.delivery.receivers(HISTORY_SINK);
    try {
      const { waiting, oldestWaitingMs, dead } = await inTime(this.delivery.backlog(HISTORY_SINK));
      const facts = { breaker, backlog: waiting, oldestWaitingMs, dead, ...problemOf(lastError) };
      const wellServed = breaker === 'closed' && !(failing > 0 && waiting > 0);
      return wellServed ? entry.up(facts) : entry.degraded(facts);
    } catch (error) {
      const unknown = { backlog: null, oldestWaitingMs: null, dead: null };
      return entry.degraded({ breaker, ...unknown, lastError: lastErrorOf(backlogError(error)) });
    }
  }

  lastGap(): HealthIndicatorResult {
    const entry = this.indicator.check('lastGap');
    const endedAt = this.gaps.lastEndedAt;
    // Whose topics those are is another replica's matter then, or nobody's yet.
    const lost = this.replica.state === 'lost';
    const open = lost ? null : this.gaps.open;
    const facts = { open, endedAt: endedAt === undefined ? null : new Date(endedAt).toISOString() };
    if (lost) return entry.degraded({ ...facts, lastError: lastErrorOf(new LeaseLostError()) });
    return open === 0 ? entry.up(facts) : entry.degraded(facts);
  }

  /** Only with `GENESYS_STREAM=direct`; over channels, what holds for `channels` holds for streams. */
  stream(): HealthIndicatorResult {
    if (this.config.genesys.stream !== 'direct') return {};
    const entry = this.indicator.check('stream');
    const { state, lastDiagnosis } = this.direct.health;
    const diagnosis = lastDiagnosis && { ...lastDiagnosis, at: new Date(lastDiagnosis.at).toISOString() };
    const facts = { state, ...(diagnosis ? { lastDiagnosis: diagnosis } : {}) };
    return state === 'waiting' || state === 'connecting' ? entry.degraded(facts) : entry.up(facts);
  }

  /** The Notification API; nothing when it is off. Its trouble is its receivers' and takes no pod out of service. */
  async push(): Promise<HealthIndicatorResult> {
    if (!this.subscriptions) return {};
    const entry = this.indicator.check('push');
    const { failing, lastError } = this.delivery.receivers(PUSH_SINK);
    try {
      const backlogs = await inTime(Promise.all(PUSH_SINKS.map((sink) => this.delivery.backlog(sink))));
      const ages = backlogs.flatMap(({ oldestWaitingMs }) => oldestWaitingMs ?? []);
      const facts = {
        subscriptions: this.subscriptions.size,
        backlog: backlogs.reduce((sum, { waiting }) => sum + waiting, 0),
        oldestWaitingMs: ages.length === 0 ? null : Math.max(...ages),
        dead: backlogs.reduce((sum, { dead }) => sum + dead, 0),
        failing,
        ...problemOf(lastError),
      };
      return failing > 0 && facts.backlog > 0 ? entry.degraded(facts) : entry.up(facts);
    } catch (error) {
      const unknown = { backlog: null, oldestWaitingMs: null, dead: null };
      const { size } = this.subscriptions;
      return entry.degraded({
        subscriptions: size,
        ...unknown,
        failing,
        lastError: lastErrorOf(backlogError(error)),
      });
    }
  }

  /** The last comparison, at most some ten seconds old. An alarm, but no reason to take the pod out: a restart heals nothing. */
  ledger(): HealthIndicatorResult {
    const entry = this.indicator.check('ledger');
    const { differences, repaired, checkedAt } = this.ledgerCheck.state;
    const facts = {
      differences,
      repaired,
      checkedAt: checkedAt === undefined ? null : new Date(checkedAt).toISOString(),
    };
    return Object.keys(differences).length === 0 && repaired === 0 ? entry.up(facts) : entry.degraded(facts);
  }
}

/** A database that hangs must not keep a probe waiting; the same time as `StorageProbe`'s. */
const LIMIT_MS = 2_500;

/** @throws BacklogUnknownError after 2.5 s; the work itself ends by the limits of its own. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BacklogUnknownError()), LIMIT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The database's own words name no receiver, but they stood in a receiver's entry. */
function backlogError(error: unknown): unknown {
  return error instanceof StorageUnavailableError ? new BacklogUnknownError() : error;
}

function problemOf<T extends { at: number }>(last: T | undefined): { lastError?: Omit<T, 'at'> & { at: string } } {
  return last === undefined ? {} : { lastError: { ...last, at: new Date(last.at).toISOString() } };
}

function lastErrorOf(thrown: unknown): { code?: string; message: string; at: string } {
  const { message } = asError(thrown);
  const code = thrown instanceof GatewayError ? { code: thrown.code } : {};
  return { ...code, message, at: new Date().toISOString() };
}
