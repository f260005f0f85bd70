import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Roles } from '../access/access.decorators.js';
import { CurrentCaller } from '../access/caller.js';
import type { Caller } from '../access/caller.js';
import { ReplayService } from '../replay/replay.service.js';
import { ApiDiscarded, ApiJob, ApiJobBegun, ApiJobs } from './dead-letter.docs.js';
import { ACTORS, READERS } from './operations.roles.js';
import { recordIdSchema } from './operations.schemas.js';
import { deadLetterView, type DeadLetterView } from './operations.views.js';
import {
  definedFilter,
  discardOneSchema,
  discardSchema,
  replayIdSchema,
  replaysSchema,
  type DiscardBody,
  type DiscardOneBody,
  type ReplaysQuery,
} from './replay.schemas.js';
import { discardView, previewView, type DiscardView, type PreviewView } from './replay.views.js';

/** Path of a discard, for the `Location` header. */
const DISCARD_PATH = '/ops/discards';
/** Letters a second. Nobody outside hears of it, so it is bounded by what the database bears beside everything else. */
const RATE = 1_000;

/** An operator decides that dead letters are not sent; the reason is written down. */
@ApiTags('operations')
@Controller('ops')
export class DiscardController {
  constructor(private readonly jobs: ReplayService) {}

  @Post('dead-letters/:recordId/discard')
  @Roles(...ACTORS)
  @HttpCode(HttpStatus.OK)
  @ApiOperation({ summary: 'Decide that one dead letter is not sent; it can not be sent again afterwards' })
  @ApiDiscarded()
  async discardOne(
    @Param('recordId', { schema: recordIdSchema }) recordId: string,
    @Body({ schema: discardOneSchema }) { reason }: DiscardOneBody,
    @CurrentCaller() caller: Caller,
  ): Promise<DeadLetterView> {
    return deadLetterView(await this.jobs.discardOne(recordId, reason, caller.name));
  }

  @Post('dead-letters/discard')
  @Roles(...ACTORS)
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({ summary: 'Decide that all dead letters that fit a filter are not sent; `dryRun` only counts them' })
  @ApiJobBegun('discard')
  async discard(
    @Body({ schema: discardSchema }) body: DiscardBody,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DiscardView | PreviewView> {
    const filter = definedFilter(body.filter);
    if (body.dryRun) {
      void reply.status(HttpStatus.OK);
      return previewView(await this.jobs.preview(filter));
    }
    const order = { ...body, action: 'discard', filter, ratePerSecond: RATE, requestedBy: caller.name } as const;
    const { job, created } = await this.jobs.start(order);
    void reply.status(created ? HttpStatus.ACCEPTED : HttpStatus.OK).header('location', `${DISCARD_PATH}/${job.id}`);
    return discardView(job);
  }

  @Get('discards')
  @Roles(...READERS)
  @ApiOperation({ summary: 'Jobs that discard, newest first' })
  @ApiJobs('discard')
  async list(@Query({ schema: replaysSchema }) query: ReplaysQuery): Promise<{ items: DiscardView[] }> {
    return { items: (await this.jobs.list(query.limit, 'discard')).map(discardView) };
  }

  @Get('discards/:id')
  @Roles(...READERS)
  @ApiOperation({ summary: 'How far a job that discards has come' })
  @ApiJob('discard', 'The job')
  async get(@Param('id', { schema: replayIdSchema }) id: string): Promise<DiscardView> {
    return discardView(await this.jobs.get(id, 'discard'));
  }

  @Delete('discards/:id')
  @Roles(...ACTORS)
  @ApiOperation({
    summary: 'Stop a job that discards; what it has discarded stays so. One that is over stays as it is',
  })
  @ApiJob('discard', 'The job, stopped')
  async stop(
    @Param('id', { schema: replayIdSchema }) id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<DiscardView> {
    return discardView(await this.jobs.stop(id, caller.name, 'discard'));
  }
}
