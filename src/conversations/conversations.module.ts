import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { GenesysModule } from '../genesys/genesys.module.js';
import { HistoryModule } from '../history/history.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { CaptureService } from './capture.service.js';
import { ExpiryService } from './expiry.service.js';
import { IntakeService } from './intake.service.js';
import { StepLog } from './step-log.js';
import { InteractionFollowers } from './interaction-followers.js';
import { InteractionQuery } from './interaction.query.js';
import { InteractionRepository } from './interaction.repository.js';
import { InteractionService } from './interaction.service.js';
import { LateLookupRepository } from './late-lookup.repository.js';
import { LateLookupService } from './late-lookup.service.js';
import { ListeningCheckRepository } from './listening-check.repository.js';
import { ListeningCheck } from './listening-check.service.js';
import { ListeningService } from './listening.service.js';
import { LookupRepository } from './lookup.repository.js';
import { LookupService } from './lookup.service.js';
import { RetentionRepository } from './retention.repository.js';
import { SupportInteractionController } from './support-interaction.controller.js';
import { SupportResultController } from './support-result.controller.js';
import { WrapupNames } from './wrapup-names.service.js';

/** The life of an interaction: taken in, listened for, captured, looked up, and what became of it. */
@Module({
  imports: [AuditModule, DeliveryModule, GenesysModule, HistoryModule, NotificationsModule],
  controllers: [SupportInteractionController, SupportResultController],
  providers: [
    CaptureService,
    ExpiryService,
    IntakeService,
    InteractionFollowers,
    StepLog,
    InteractionQuery,
    InteractionRepository,
    InteractionService,
    LateLookupRepository,
    LateLookupService,
    ListeningCheck,
    ListeningCheckRepository,
    ListeningService,
    LookupRepository,
    LookupService,
    RetentionRepository,
    WrapupNames,
  ],
  exports: [
    CaptureService,
    InteractionFollowers,
    InteractionRepository,
    LateLookupService,
    ListeningCheck,
    ListeningService,
    LookupService,
    RetentionRepository,
    StepLog,
    WrapupNames,
  ],
})
export class ConversationsModule {}
