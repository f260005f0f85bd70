import type { ServerResponse } from 'node:http';
import { Body, Controller, Header, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Roles } from '../../access/access.decorators.js';
import { CurrentCaller } from '../../access/caller.js';
import type { Caller } from '../../access/caller.js';
import { RequestTooLargeError } from '../../http/request.errors.js';
import { BayeuxServer, COMET_ROLES } from './bayeux-server.js';
import type { Peer } from './bayeux-server.js';
import { bayeuxMessages } from './bayeux.js';
import type { Answer, BayeuxMessage, Outgoing } from './bayeux.js';
import { COMET_LIMITS } from './comet-limits.js';
import type { CometLimits } from './comet-limits.js';
import type { CometLink, CometSession } from './comet-session.js';
import { gmsUserIn } from './gms-user.js';

/** Clients append `/handshake`, `/connect` and the like, or `/` alone (CometD's `appendMessageTypeToURL`, on by default). */
const PATHS = ['', '*'];

/** CometD's long-polling transport. Not in the OpenAPI document: nobody calls it without a CometD client. */
@ApiExcludeController()
@Controller('genesys/cometd')
export class CometController {
  constructor(
    private readonly server: BayeuxServer,
    @Inject(COMET_LIMITS) private readonly limits: CometLimits,
  ) {}

  @Post(PATHS)
  @Roles(...COMET_ROLES)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async exchange(
    @Body({ schema: bayeuxMessages }) messages: BayeuxMessage[],
    @CurrentCaller() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Outgoing[]> {
    this.refuseTooLarge(request, messages);
    const poll = new Poll(reply.raw);
    const peer: Peer = {
      link: poll,
      caller,
      user: gmsUserIn(request.headers),
      // The replies to the other messages must not wait for something to happen.
      mayHold: messages.length === 1,
      bind: (session) => {
        poll.session = session;
      },
    };
    const answers = await Promise.all(messages.map(async (message) => this.server.handle(message, peer)));
    poll.watch(answers);
    return answers.flatMap((answer) => answer.messages);
  }

  /** The parser has taken no more than 256 KiB. @throws RequestTooLargeError */
  private refuseTooLarge({ headers }: FastifyRequest, messages: BayeuxMessage[]): void {
    const declared = headers['content-length'];
    const bytes = declared === undefined ? Buffer.byteLength(JSON.stringify(messages)) : Number(declared);
    if (bytes > this.limits.bodyBytes) throw new RequestTooLargeError(this.limits.bodyBytes);
  }
}

/** One request that may be held, and its response. */
class Poll implements CometLink {
  session: CometSession | undefined;
  private answers: readonly Answer[] = [];
  private over = false;

  constructor(response: ServerResponse) {
    response.once('close', () => {
      this.over = true;
      this.settle(response.writableFinished);
      if (!response.writableFinished) this.session?.lost(this);
    });
  }

  /** Tells the answers whether they went out. */
  watch(answers: readonly Answer[]): void {
    this.answers = answers;
    if (this.over) this.settle(false);
  }

  /** Its answer ends it. */
  close(): void {
    return;
  }

  private settle(whole: boolean): void {
    for (const { written } of this.answers) written?.(whole);
    this.answers = [];
  }
}
