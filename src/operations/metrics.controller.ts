import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RolesUnless } from '../access/access.decorators.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';
import { ChannelManager } from '../notifications/channel-manager.service.js';
import { CHANNEL_STATES } from '../notifications/channel-state.js';
import { INTERACTION_STATUSES } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { LedgerCheck } from './ledger-check.service.js';

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  private readonly log: Log;

  constructor(
    private readonly metrics: Metrics,
    private readonly ledger: LedgerCheck,
    private readonly fleet: ChannelFleet,
    private readonly manager: ChannelManager,
    logs: Logs,
  ) {
    this.log = logs.of('metrics');
  }

  /** Counters count as things happen; what is a state is read when somebody asks. */
  @Get()
  @RolesUnless('metricsPublic', 'metrics', 'admin')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Prometheus metrics' })
  @ApiOkResponse({ description: 'Prometheus text.', content: { 'text/plain': { schema: { type: 'string' } } } })
  async read(): Promise<string> {
    await this.countInteractions();
    const channels = [...this.fleet.current];
    for (const state of CHANNEL_STATES) {
      this.metrics.channels.set({ state }, channels.filter((channel) => channel.state === state).length);
    }
    this.metrics.topics.set(channels.reduce((sum, channel) => sum + channel.subscriptions.heldTopics.size, 0));
    this.metrics.topicsUncovered.set(this.manager.uncoveredCount);
    return this.metrics.text();
  }

  /** Without the database the other metrics are needed most; old counts that look like new ones would mislead. */
  private async countInteractions(): Promise<void> {
    try {
      const ledger = await this.ledger.check();
      for (const status of INTERACTION_STATUSES) this.metrics.interactions.set({ status }, ledger[status]);
    } catch (err) {
      this.log.warn({ err }, 'interactions could not be counted');
      this.metrics.interactions.reset();
    }
  }
}
