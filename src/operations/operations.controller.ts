import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../access/access.decorators.js';
import { CurrentCaller } from '../access/caller.js';
import type { Caller } from '../access/caller.js';
import { requireSight, seesCustomers } from '../access/sight.js';
import { AuditLog } from '../audit/audit-log.js';
import { revealSchema, type RevealQuery } from '../http/schemas.js';
import { DeadLetters } from '../delivery/dead-letters.js';
import { ApiDeadLetter, DEAD_LETTERS_SCHEMA } from './dead-letter.docs.js';
import { deadLetterDetails, type DeadLetterDetails } from './dead-letter.view.js';
import { DeadLetterQuery } from './dead-letter.query.js';
import { channelViews, type ChannelView } from './channel.view.js';
import { GapReport } from './gap-report.service.js';
import { CHANNELS_SCHEMA, GAPS_SCHEMA, LEDGER_SCHEMA } from './operations.docs.js';
import { READERS } from './operations.roles.js';
import { deadLetterView, type DeadLetterView, type GapView } from './operations.views.js';
import {
  deadLettersSchema,
  gapsSchema,
  recordIdSchema,
  type DeadLettersQuery,
  type GapsQuery,
} from './operations.schemas.js';
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
    private readonly letters: DeadLetterQuery,
    private readonly audit: AuditLog,
  ) {}

  @Get('ledger')
  @ApiOperation({ summary: 'How many interactions are in each status; they always sum to total' })
  @ApiOkResponse({ description: 'The counts of one moment', schema: LEDGER_SCHEMA })
  async readLedger(): Promise<Ledger> {
    return this.ledger.read();
  }

  @Get('channels')
  @ApiOperation({ summary: "This process's channels at Genesys; ids only as hashes" })
  @ApiOkResponse({ description: 'All of them', schema: CHANNELS_SCHEMA })
  listChannels(): { items: ChannelView[] } {
    return { items: channelViews(this.fleet.current) };
  }

  @Get('gaps')
  @ApiOperation({ summary: 'Stretches of time in which topics were not covered, newest first' })
  @ApiOkResponse({ description: 'The newest ones', schema: GAPS_SCHEMA })
  async listGaps(@Query({ schema: gapsSchema }) query: GapsQuery): Promise<{ items: GapView[] }> {
    return { items: await this.gaps.list(query.limit) };
  }

  @Get('dead-letters')
  @ApiOperation({
    summary:
      'Records and pushes that were given up, newest first; `reason` is an error code, `sink` history, push or comet',
  })
  @ApiOkResponse({ description: 'One page', schema: DEAD_LETTERS_SCHEMA })
  async listDeadLetters(
    @Query({ schema: deadLettersSchema }) query: DeadLettersQuery,
  ): Promise<{ items: DeadLetterView[]; nextCursor?: string }> {
    const { items, nextCursor } = await this.deadLetters.list(query);
    return { items: items.map(deadLetterView), ...(nextCursor === undefined ? {} : { nextCursor }) };
  }

  @Get('dead-letters/:recordId')
  @ApiOperation({
    summary: 'One dead letter: what was to be sent, and the start of what the receiver answered',
    description:
      'What speaks of a customer is masked, but for privacy and admin: each time that it is shown is in the audit.',
  })
  @ApiDeadLetter()
  async getDeadLetter(
    @Param('recordId', { schema: recordIdSchema }) recordId: string,
    @Query({ schema: revealSchema }) { reveal }: RevealQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<DeadLetterDetails> {
    if (reveal) requireSight(caller);
    const letter = await this.letters.get(recordId);
    const clear = seesCustomers(caller);
    if (clear) await this.audit.reveal(caller.name, recordId, { sink: letter.row.sink });
    return deadLetterDetails(letter, clear);
  }
}
