import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../access/access.decorators.js';
import { DeadLetters } from '../delivery/dead-letters.js';
import { channelViews, type ChannelView } from './channel.view.js';
import { GapReport } from './gap-report.service.js';
import { READERS } from './operations.roles.js';
import { deadLetterView, type DeadLetterView, type GapView } from './operations.views.js';
import { deadLettersSchema, gapsSchema, type DeadLettersQuery, type GapsQuery } from './operations.schemas.js';
import { LedgerRepository, type Ledger } from './ledger.repository.js';
import { ChannelFleet } from '../notifications/channel-fleet.service.js';

@ApiTags('operations')
@Roles(...READERS)
@Controller('ops')
export class OperationsController {
  constructor(
    private readonly ledger: LedgerRepository,
    private readonly fleet: ChannelFleet,
    private readonly gaps: GapReport,
    private readonly deadLetters: DeadLetters,
  ) {}

  @Get('ledger')
  @ApiOperation({ summary: 'How many interactions are in each status; they always sum to total' })
  async readLedger(): Promise<Ledger> {
    return this.ledger.read();
  }

  @Get('channels')
  @ApiOperation({ summary: "This process's channels at Genesys; ids only as hashes" })
  listChannels(): { items: ChannelView[] } {
    return { items: channelViews(this.fleet.current) };
  }

  @Get('gaps')
  @ApiOperation({ summary: 'Stretches of time in which topics were not covered, newest first' })
  async listGaps(@Query({ schema: gapsSchema }) query: GapsQuery): Promise<{ items: GapView[] }> {
    return { items: await this.gaps.list(query.limit) };
  }

  @Get('dead-letters')
  @ApiOperation({
    summary:
      'Records and pushes that were given up, newest first; `reason` is an error code, `sink` history, push or comet',
  })
  async listDeadLetters(
    @Query({ schema: deadLettersSchema }) query: DeadLettersQuery,
  ): Promise<{ items: DeadLetterView[]; nextCursor?: string }> {
    const { items, nextCursor } = await this.deadLetters.list(query);
    return { items: items.map(deadLetterView), ...(nextCursor === undefined ? {} : { nextCursor }) };
  }
}
