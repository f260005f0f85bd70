import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import { ApiConflictResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Roles } from '../access/access.decorators.js';
import { IntakeService } from './intake.service.js';
import { ApiHandedIn, ApiInteraction, ApiInteractionList } from './interaction.docs.js';
import { InteractionService } from './interaction.service.js';
import {
  interactionIdSchema,
  interactionListSchema,
  supportInteractionSchema,
  type InteractionListQuery,
  type SupportInteraction,
} from './interaction.schemas.js';
import { acceptedView, interactionView, type AcceptedView, type InteractionView } from './interaction.view.js';

/** Path of an interaction, for the `Location` header. */
export const INTERACTION_PATH = '/customers/supportInteraction';

@ApiTags('interactions')
@Controller('customers/supportInteraction')
export class SupportInteractionController {
  constructor(
    private readonly intake: IntakeService,
    private readonly interactions: InteractionService,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @Roles('intake')
  @ApiOperation({ summary: 'Hand in an interaction; its record follows when the after-call work is done' })
  @ApiHandedIn('interaction')
  async accept(
    @Body({ schema: supportInteractionSchema }) body: SupportInteraction,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedView> {
    const { interaction, created } = await this.intake.accept(body);
    void reply
      .status(created ? HttpStatus.ACCEPTED : HttpStatus.OK)
      .header('location', `${INTERACTION_PATH}/${interaction.id}`);
    return acceptedView(interaction);
  }

  @Get()
  @Roles('intake', 'admin')
  @ApiOperation({ summary: 'List interactions, newest first' })
  @ApiInteractionList()
  async list(
    @Query({ schema: interactionListSchema }) query: InteractionListQuery,
  ): Promise<{ items: InteractionView[]; nextCursor?: string }> {
    const { rows, ...rest } = await this.interactions.list(query);
    return { items: rows.map(interactionView), ...rest };
  }

  @Get(':id')
  @Roles('intake', 'admin')
  @ApiOperation({ summary: 'One interaction: its status, the time of each step, delivery attempts, the last error' })
  @ApiInteraction()
  async get(@Param('id', { schema: interactionIdSchema }) id: string): Promise<InteractionView> {
    return interactionView(await this.interactions.get(id));
  }

  @Delete(':id')
  @Roles('intake', 'admin')
  @ApiOperation({ summary: 'Cancel an interaction that still waits' })
  @ApiInteraction()
  @ApiConflictResponse({
    description: 'interaction.captured or interaction.expired: there is nothing to cancel any more',
  })
  async cancel(@Param('id', { schema: interactionIdSchema }) id: string): Promise<InteractionView> {
    return interactionView(await this.interactions.cancel(id));
  }
}
