import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AccessModule } from './access/access.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { ConversationsModule } from './conversations/conversations.module.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { EventsModule } from './events/events.module.js';
import { GatewayService } from './gateway.service.js';
import { HealthModule } from './health/health.module.js';
import { HttpServerModule } from './http/http-server.module.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { PushModule } from './push/push.module.js';
import { ReplayModule } from './replay/replay.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { StorageModule } from './storage/storage.module.js';
import { StreamsModule } from './streams/streams.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

/** The gateway: which parts there are. `GatewayService` says in which order they start and end. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        TelemetryModule,
        ScheduleModule.forRoot(),
        HttpServerModule,
        AccessModule,
        // After the access: guards ask in this order, and who has no key is not told of a shutdown.
        LifecycleModule,
        StorageModule,
        DeliveryModule,
        PushModule.forRoot(config),
        NotificationsModule,
        ConversationsModule,
        EventsModule,
        ReplayModule,
        RetentionModule,
        StreamsModule,
        OperationsModule,
        HealthModule,
      ],
      providers: [GatewayService],
    };
  }
}
