import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Roles } from '../access/access.decorators.js';
import { type Caller, CurrentCaller } from '../access/caller.js';
import { ApiConversationEvents } from './streams.docs.js';
import { StreamsService } from './streams.service.js';
import { type FollowQuery, followSchema } from './stream.schemas.js';

@ApiTags('conversation streams')
@Controller('conversations')
export class StreamsController {
  constructor(private readonly streams: StreamsService) {}

  // Not Nest's @Sse: it buffers without a bound for a reader that is slow.
  @Get('events')
  @Roles('publish', 'admin')
  @ApiConversationEvents()
  events(
    @Query({ schema: followSchema }) query: FollowQuery,
    @CurrentCaller() caller: Caller | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    // HEAD asks for the headers only: nothing is followed.
    const body = request.method === 'HEAD' ? '' : this.streams.follow(query, caller?.name ?? 'anonymous');
    void reply
      .type('text/event-stream; charset=utf-8')
      // Proxies must pass each event on as it comes: no store, no transformation, and nginx's own header.
      .headers({ 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' })
      .send(body);
  }
}
