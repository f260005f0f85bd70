import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Roles } from '../access/access.decorators.js';
import { CurrentCaller } from '../access/caller.js';
import type { Caller } from '../access/caller.js';
import { AuditLog } from '../audit/audit-log.js';
import { ReplayService } from '../replay/replay.service.js';
import { ApiJob, ApiJobBegun, ApiJobs, ApiReplayed } from './dead-letter.docs.js';
import { AUDIT_PAGE_SCHEMA } from './operations.docs.js';
import { recordIdSchema } from './operations.schemas.js';
import { ACTORS, READERS } from './operations.roles.js';
import { deadLetterView, type DeadLetterView } from './operations.views.js';
import {
  auditSchema,
  definedFilter,
  replayIdSchema,
  replaySchema,
  replaysSchema,
  type AuditQuery,
  type ReplayBody,
  type ReplaysQuery,
} from './replay.schemas.js';
import {
  auditView,
  previewView,
  replayView,
  type AuditView,
  type PreviewView,
  type ReplayView,
} from './replay.views.js';

/** Path of a replay, for the `Location` header. */
const REPLAY_PATH = '/ops/replays';

/** Dead letters are sent again, and who asked for it is written down. */
@ApiTags('operations')
@Controller('ops')
export class ReplayController {
  constructor(
    private readonly replays: ReplayService,
    private readonly audit: AuditLog,
  ) {}

  @Post('dead-letters/:recordId/replay')
  @Roles(...ACTORS)
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({ summary: 'Send one dead letter again, under the same key' })
  @ApiReplayed()
  async replayOne(
    @Param('recordId', { schema: recordIdSchema }) recordId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<DeadLetterView> {
    return deadLetterView(await this.replays.replayOne(recordId, caller.name));
  }

  @Post('dead-letters/replay')
  @Roles(...ACTORS)
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({
    summary: 'Send all dead letters that fit a filter again, under the same keys, at a rate; `dryRun` only counts them',
  })
  @ApiJobBegun('replay')
  async replay(
    @Body({ schema: replaySchema }) body: ReplayBody,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReplayView | PreviewView> {
    const filter = definedFilter(body.filter);
    if (body.dryRun) {
      void reply.status(HttpStatus.OK);
      return previewView(await this.replays.preview(filter));
    }
    const { job, created } = await this.replays.start({ ...body, action: 'replay', filter, requestedBy: caller.name });
    void reply.status(created ? HttpStatus.ACCEPTED : HttpStatus.OK).header('location', `${REPLAY_PATH}/${job.id}`);
    return replayView(job);
  }

  @Get('replays')
  @Roles(...READERS)
  @ApiOperation({ summary: 'Replay jobs, newest first' })
  @ApiJobs('replay')
  async list(@Query({ schema: replaysSchema }) query: ReplaysQuery): Promise<{ items: ReplayView[] }> {
    return { items: (await this.replays.list(query.limit)).map(replayView) };
  }

  @Get('replays/:id')
  @Roles(...READERS)
  @ApiOperation({ summary: 'How far a replay job has come' })
  @ApiJob('replay', 'The job')
  async get(@Param('id', { schema: replayIdSchema }) id: string): Promise<ReplayView> {
    return replayView(await this.replays.get(id));
  }

  @Delete('replays/:id')
  @Roles(...ACTORS)
  @ApiOperation({ summary: 'Stop a replay job; what it has revived goes on. One that is over stays as it is' })
  @ApiJob('replay', 'The job, stopped')
  async stop(
    @Param('id', { schema: replayIdSchema }) id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<ReplayView> {
    return replayView(await this.replays.stop(id, caller.name));
  }

  @Get('audit')
  @Roles(...READERS)
  @ApiOperation({ summary: 'Who did what, and when; newest first' })
  @ApiOkResponse({ description: 'One page', schema: AUDIT_PAGE_SCHEMA })
  async listAudit(
    @Query({ schema: auditSchema }) query: AuditQuery,
  ): Promise<{ items: AuditView[]; nextCursor?: string }> {
    const { items, ...rest } = await this.audit.list(query.limit, query.cursor);
    return { items: items.map(auditView), ...rest };
  }
}
