import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Roles } from '../access/access.decorators.js';
import { CurrentCaller } from '../access/caller.js';
import type { Caller } from '../access/caller.js';
import { requireSight } from '../access/sight.js';
import { AuditLog } from '../audit/audit-log.js';
import { revealSchema, type RevealQuery } from '../http/schemas.js';
import { Correlation } from './correlation.js';
import { IntakeService } from './intake.service.js';
import { ApiHandedIn, ApiInteraction, ApiInteractionList, ApiNotCancelled } from './interaction.docs.js';
import type { InteractionDetails } from './interaction.repository.js';
import { InteractionService } from './interaction.service.js';
import {
  interactionIdSchema,
  interactionListSchema,
  supportInteractionSchema,
  type InteractionListQuery,
  type SupportInteraction,
} from './interaction.schemas.js';
import {
  acceptedView,
  interactionView,
  maskedInteractionView,
  type AcceptedView,
  type InteractionView,
} from './interaction.view.js';

/** Path of an interaction, for the `Location` header. */
export const INTERACTION_PATH = '/customers/supportInteraction';

@ApiTags('interactions')
@Controller('customers/supportInteraction')
export class SupportInteractionController {
  constructor(
    private readonly intake: IntakeService,
    private readonly interactions: InteractionService,
    private readonly audit: AuditLog,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @Roles('intake')
  @ApiOperation({ summary: 'Hand in an interaction; its record follows when the after-call work is done' })
  @ApiHandedIn('interaction')
  async accept(
    @Body({ schema: supportInteractionSchema }) body: SupportInteraction,
    @Correlation() correlationId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedView> {
    const { interaction, created } = await this.intake.accept(body, correlationId);
    void reply
      .status(created ? HttpStatus.ACCEPTED : HttpStatus.OK)
      .header('location', `${INTERACTION_PATH}/${interaction.id}`);
    return acceptedView(interaction);
  }

  @Get()
  @Roles('intake', 'viewer', 'operator', 'admin')
  @ApiOperation({
    summary:
      'List interactions, newest first; what speaks of a customer is masked, but for intake or with `reveal=true`',
  })
  @ApiInteractionList()
  async list(
    @Query({ schema: interactionListSchema }) { reveal, ...query }: InteractionListQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<{ items: InteractionView[]; nextCursor?: string }> {
    if (reveal) requireSight(caller);
    const { rows, ...rest } = await this.interactions.list(query);
    if (reveal) await this.audit.reveal(caller.name, 'interactions', { ids: rows.map(({ id }) => id) });
    return { items: rows.map((row) => viewFor(caller, row, reveal)), ...rest };
  }

  @Get(':id')
  @Roles('intake', 'viewer', 'operator', 'admin')
  @ApiOperation({ summary: 'One interaction: its status, the time of each step, delivery attempts, the last error' })
  @ApiInteraction()
  async get(
    @Param('id', { schema: interactionIdSchema }) id: string,
    @Query({ schema: revealSchema }) { reveal }: RevealQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<InteractionView> {
    if (reveal) requireSight(caller);
    const row = await this.interactions.get(id);
    if (reveal) await this.audit.reveal(caller.name, id, {});
    return viewFor(caller, row, reveal);
  }

  @Delete(':id')
  @Roles('intake', 'operator', 'admin')
  @ApiOperation({ summary: 'Cancel an interaction that still waits' })
  @ApiInteraction()
  @ApiNotCancelled()
  async cancel(
    @Param('id', { schema: interactionIdSchema }) id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<InteractionView> {
    return viewFor(caller, await this.interactions.cancel(id, caller.name), false);
  }
}

/**
 * Whoever hands interactions in sees them as he gave them. Everybody else sees what speaks of a customer when he asks for
 * it, so that no look is missing in the audit.
 */
function viewFor({ roles }: Caller, row: InteractionDetails, revealed: boolean): InteractionView {
  return revealed || roles.includes('intake') ? interactionView(row) : maskedInteractionView(row);
}
