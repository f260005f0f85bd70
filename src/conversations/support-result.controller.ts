import { Body, Controller, HttpCode, HttpStatus, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Roles } from '../access/access.decorators.js';
import { Correlation } from './correlation.js';
import { IntakeService } from './intake.service.js';
import { ApiHandedIn } from './interaction.docs.js';
import { supportResultSchema, type SupportResult } from './interaction.schemas.js';
import { acceptedView, type AcceptedView } from './interaction.view.js';
import { INTERACTION_PATH } from './support-interaction.controller.js';

@ApiTags('interactions')
@Controller('customers/supportResult')
export class SupportResultController {
  constructor(private readonly intake: IntakeService) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @Roles('intake')
  @ApiOperation({ summary: 'Hand in the result of a support case directly, without waiting for Genesys' })
  @ApiHandedIn('result')
  async accept(
    @Body({ schema: supportResultSchema }) body: SupportResult,
    @Correlation() correlationId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedView> {
    const { interaction, created } = await this.intake.acceptResult(body, correlationId);
    void reply
      .status(created ? HttpStatus.ACCEPTED : HttpStatus.OK)
      .header('location', `${INTERACTION_PATH}/${interaction.id}`);
    return acceptedView(interaction);
  }
}
