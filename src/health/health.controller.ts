import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, type HealthIndicatorFunction } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Public } from '../access/access.decorators.js';
import { type Caller, CurrentCaller } from '../access/caller.js';
import { schemaOf } from '../http/example-schema.js';
import { HealthIndicators } from './health.indicators.js';
import { healthSchema, type HealthReport, reportOf, resultOf } from './health.report.js';

/** Who is shown facts. */
const SEES_FACTS: readonly string[] = ['viewer', 'operator', 'admin'];

/** The entries of each route, for its examples. */
const READY = ['lifecycle', 'storage'];
const ALL = [...READY, 'token', 'channels', 'history', 'lastGap', 'ledger', 'push'];

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
  @ApiOkResponse({ description: 'Alive.', schema: schemaOf({ status: 'ok' }) })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Storage accepts writes and no shutdown is under way' })
  @ApiOkResponse({ description: 'Ready.', schema: healthSchema(READY, 'up') })
  @ApiServiceUnavailableResponse({
    description: 'Not ready; the entries say why.',
    schema: healthSchema(READY, 'down'),
  })
  ready(
    @CurrentCaller() caller: Caller | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HealthReport> {
    return this.report(this.indicators.ready, caller, reply);
  }

  @Get()
  @ApiOperation({ summary: 'How each part is doing; 503 exactly when not ready. With a key, with facts' })
  @ApiOkResponse({ description: 'Ready.', schema: healthSchema(ALL, 'up') })
  @ApiServiceUnavailableResponse({ description: 'Not ready; the same entries.', schema: healthSchema(ALL, 'down') })
  all(
    @CurrentCaller() caller: Caller | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HealthReport> {
    return this.report(this.indicators.all, caller, reply);
  }

  /** A 503 is an answer here and no error: nobody logs it, and it has the same entries as a 200. */
  private async report(
    indicators: HealthIndicatorFunction[],
    caller: Caller | undefined,
    reply: FastifyReply,
  ): Promise<HealthReport> {
    const result = await resultOf(this.health.check(indicators));
    void reply
      .code(result.status === 'ok' || result.status === 'degraded' ? 200 : 503)
      .header('Cache-Control', 'no-store');
    return reportOf(result, caller?.roles.some((role) => SEES_FACTS.includes(role)) ?? false);
  }
}
