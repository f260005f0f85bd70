import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { LedgerService } from './ledger.service.js';
import { MetricsController } from './metrics.controller.js';
import { OperationsController } from './operations.controller.js';

/** What operators look at and do. Looks at everything; nothing imports it. */
@Module({
  imports: [DeliveryModule, NotificationsModule],
  controllers: [MetricsController, OperationsController],
  providers: [LedgerService],
})
export class OperationsModule {}
