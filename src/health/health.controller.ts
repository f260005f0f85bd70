import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Public } from '../access/access.decorators.js';
import { HealthIndicators } from './health.indicators.js';

@ApiTags('health')
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicators,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'The process can answer' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @HealthCheck()
  @ApiOperation({ summary: 'Storage accepts writes and no shutdown is under way' })
  async ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.indicators.lifecycle(), () => this.indicators.storage()]);
  }

  @Get()
  @HealthCheck()
  @ApiOperation({ summary: 'How each part is doing; 503 exactly when not ready' })
  async all(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.indicators.lifecycle(),
      () => this.indicators.storage(),
      () => this.indicators.token(),
      () => this.indicators.channels(),
      () => this.indicators.history(),
      () => this.indicators.lastGap(),
      () => this.indicators.ledger(),
      () => this.indicators.push(),
      () => this.indicators.stream(),
    ]);
  }
}
