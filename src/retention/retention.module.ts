import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ConversationsModule } from '../conversations/conversations.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { ReplayModule } from '../replay/replay.module.js';
import { RetentionService } from './retention.service.js';

/** What has been over for long goes. */
@Module({
  imports: [AuditModule, ConversationsModule, NotificationsModule, ReplayModule],
  providers: [RetentionService],
  exports: [RetentionService],
})
export class RetentionModule {}
