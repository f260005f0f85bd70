import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { ReplayModule } from '../replay/replay.module.js';
import { ConversationsModule } from '../conversations/conversations.module.js';
import { GenesysModule } from '../genesys/genesys.module.js';
import { ClientsController } from './clients.controller.js';
import { DeadLetterQuery } from './dead-letter.query.js';
import { DiscardController } from './discard.controller.js';
import { GapReport } from './gap-report.service.js';
import { LedgerCheck } from './ledger-check.service.js';
import { LedgerRepository } from './ledger.repository.js';
import { MetricsController } from './metrics.controller.js';
import { OperationsController } from './operations.controller.js';
import { PushOperationsController } from './push.controller.js';
import { PushPendingRepository } from './push-pending.repository.js';
import { PushLedgerRepository } from './push.repository.js';
import { ReplayController } from './replay.controller.js';

/** What operators look at and do. Looks at everything; only health looks at it, for the ledger's alarm. */
@Module({
  imports: [
    AuthModule,
    AuditModule,
    ConversationsModule,
    DeliveryModule,
    GenesysModule,
    NotificationsModule,
    ReplayModule,
  ],
  controllers: [
    ClientsController,
    DiscardController,
    MetricsController,
    OperationsController,
    PushOperationsController,
    ReplayController,
  ],
  providers: [DeadLetterQuery, GapReport, LedgerCheck, LedgerRepository, PushLedgerRepository, PushPendingRepository],
  exports: [LedgerCheck],
})
export class OperationsModule {}
