import { Module } from '@nestjs/common';
import { AccessModule } from '../../access/access.module.js';
import { CometPublisher } from '../publishers/comet.publisher.js';
import { BayeuxServer } from './bayeux-server.js';
import { COMET_LIMITS, DEFAULT_COMET_LIMITS } from './comet-limits.js';
import { CometSessions } from './comet-sessions.service.js';
import { CometSocketServer } from './comet-socket-server.js';
import { CometController } from './comet.controller.js';

/** CometD at `/genesys/cometd`. Needs telemetry and lifecycle. */
@Module({
  imports: [AccessModule],
  controllers: [CometController],
  providers: [
    { provide: COMET_LIMITS, useValue: DEFAULT_COMET_LIMITS },
    CometSessions,
    BayeuxServer,
    CometSocketServer,
    CometPublisher,
  ],
  exports: [CometSessions, CometPublisher],
})
export class CometModule {}

/** Without `comet` in `PUSH_ENABLED`: nobody can connect, so there are no sessions. */
@Module({
  providers: [{ provide: COMET_LIMITS, useValue: DEFAULT_COMET_LIMITS }, CometSessions, CometPublisher],
  exports: [CometSessions, CometPublisher],
})
export class UnservedCometModule {}
