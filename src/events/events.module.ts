import { Module } from '@nestjs/common';
import { ConversationsModule } from '../conversations/conversations.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { OwnEvents } from './own-events.service.js';

/** The gateway's own events on the Notification API. `OwnEvents` is started by the gateway. */
@Module({
  imports: [ConversationsModule, DeliveryModule, NotificationsModule],
  providers: [OwnEvents],
  exports: [OwnEvents],
})
export class EventsModule {}
