import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AuthModule } from '../auth/auth.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { OperationsModule } from '../operations/operations.module.js';
import { StreamsModule } from '../streams/streams.module.js';
import { HealthController } from './health.controller.js';
import { HealthIndicators } from './health.indicators.js';

@Module({
  imports: [
    TerminusModule.forRoot({ logger: false }),
    AuthModule,
    DeliveryModule,
    NotificationsModule,
    OperationsModule,
    StreamsModule,
  ],
  controllers: [HealthController],
  providers: [HealthIndicators],
})
export class HealthModule {}
