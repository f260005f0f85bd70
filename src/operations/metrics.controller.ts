import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RolesUnless } from '../access/access.decorators.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';
import { CHANNEL_STATES } from '../notifications/channel-state.js';
import { INTERACTION_STATUSES } from '../storage/schema.js';
import { Metrics } from '../telemetry/metrics.js';
import { LedgerCheck } from './ledger-check.service.js';
import { LedgerRepository } from './ledger.repository.js';

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    private readonly ledger: LedgerRepository,
    private readonly check: LedgerCheck,
    private readonly fleet: ChannelFleet,
  ) {}

  /** Counters count as things happen; what is a state is read when somebody asks. */
  @Get()
  @RolesUnless('metricsPublic', 'admin')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Prometheus metrics' })
  @ApiOkResponse({ description: 'Prometheus text.', content: { 'text/plain': { schema: { type: 'string' } } } })
  async read(): Promise<string> {
    const ledger = await this.ledger.read();
    for (const status of INTERACTION_STATUSES) this.metrics.interactions.set({ status }, ledger[status]);
    await this.check.check(true);
    const channels = [...this.fleet.current];
    for (const state of CHANNEL_STATES) {
      this.metrics.channels.set({ state }, channels.filter((channel) => channel.state === state).length);
    }
    this.metrics.topics.set(channels.reduce((sum, channel) => sum + channel.subscriptions.heldTopics.size, 0));
    return this.metrics.text();
  }
}
