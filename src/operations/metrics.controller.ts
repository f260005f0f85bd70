import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RolesUnless } from '../access/access.decorators.js';
import { TokenService } from '../auth/token.service.js';
import type { TokenState } from '../auth/token.state.js';
import { packageJson } from '../common/package-json.js';
import type { BreakerState } from '../delivery/breaker.js';
import { StepLog } from '../conversations/step-log.js';
import { DeliveryService } from '../delivery/delivery.service.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';
import { ChannelManager } from '../notifications/channel-manager.service.js';
import { CHANNEL_STATES } from '../notifications/channel-state.js';
import { PUSH_SINKS } from '../push/subscriptions/subscription.js';
import { INTERACTION_STATUSES } from '../storage/schema.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import { StorageProbe } from '../storage/storage-probe.js';
import { Metrics } from '../telemetry/metrics.js';
import { requestRates } from './client.view.js';
import { LedgerCheck } from './ledger-check.service.js';
import { METRICS_EXAMPLE } from './operations.docs.js';

const SINKS = [HISTORY_SINK, ...PUSH_SINKS];

const TOKEN_STATES: Record<TokenState['status'], number> = { valid: 1, none: 0, unavailable: -1, refused: -2 };

const BREAKER_STATES: Record<BreakerState, number> = { closed: 0, 'half-open': 1, open: 2 };

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    private readonly ledger: LedgerCheck,
    private readonly fleet: ChannelFleet,
    private readonly manager: ChannelManager,
    private readonly probe: StorageProbe,
    private readonly tokens: TokenService,
    private readonly delivery: DeliveryService,
    private readonly client: GenesysClient,
    private readonly steps: StepLog,
  ) {
    this.metrics.buildInfo.set({ version: packageJson().version }, 1);
  }

  /** Counters count as things happen; what is a state is read when somebody asks. */
  @Get()
  @RolesUnless('metricsPublic', 'metrics', 'admin')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Prometheus metrics' })
  @ApiOkResponse({
    description: 'Prometheus text.',
    content: { 'text/plain': { schema: { type: 'string', example: METRICS_EXAMPLE } } },
  })
  async read(): Promise<string> {
    await this.readStored();
    // One OAuth client for now.
    this.metrics.tokenState.set({ client: 'default' }, TOKEN_STATES[this.tokens.state().status]);
    for (const sink of SINKS)
      this.metrics.breakerState.set({ sink }, BREAKER_STATES[this.delivery.receivers(sink).breaker]);
    const channels = [...this.fleet.current];
    for (const state of CHANNEL_STATES) {
      this.metrics.channels.set({ state }, channels.filter((channel) => channel.state === state).length);
    }
    this.metrics.topics.set(channels.reduce((sum, channel) => sum + channel.subscriptions.heldTopics.size, 0));
    this.metrics.topicsUncovered.set(this.manager.uncoveredCount);
    this.readRates();
    return this.metrics.text();
  }

  /** An unknown rate is absent. */
  private readRates(): void {
    const { perDay, perInteraction } = requestRates({ sent: this.client.sent, steps: this.steps.steps });
    if (perDay === null) this.metrics.genesysRequestsDay.remove();
    else this.metrics.genesysRequestsDay.set(perDay);
    if (perInteraction === null) this.metrics.genesysRequestsPerInteraction.remove();
    else this.metrics.genesysRequestsPerInteraction.set(perInteraction);
  }

  /** Without the database the other metrics are needed most; old figures that look like new ones would mislead. */
  private async readStored(): Promise<void> {
    const up = (await this.probe.trouble()) === undefined;
    this.metrics.storageUp.set(up ? 1 : 0);
    if (!up || !(await this.count())) this.forget();
  }

  /** False when it could not be counted after all; the probe tells why. */
  private async count(): Promise<boolean> {
    try {
      const ledger = await this.ledger.check();
      for (const status of INTERACTION_STATUSES) this.metrics.interactions.set({ status }, ledger[status]);
      for (const sink of SINKS) {
        const { oldestWaitingMs } = await this.delivery.backlog(sink);
        this.metrics.oldestUndelivered.set({ sink }, (oldestWaitingMs ?? 0) / 1_000);
      }
      return true;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      this.metrics.storageUp.set(0);
      return false;
    }
  }

  private forget(): void {
    this.metrics.interactions.reset();
    this.metrics.oldestUndelivered.reset();
    this.metrics.ledgerDifference.remove();
  }
}
