import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { AuthModule } from '../auth/auth.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { ChannelFeed } from './channels/channel.feed.js';
import { CONVERSATION_FEED } from './conversation-feed.js';
import { DirectFeed } from './direct/direct.feed.js';
import { DIRECT_STREAM_TIMINGS, DIRECT_TIMINGS } from './direct/direct-state.js';
import { StreamsController } from './streams.controller.js';
import { StreamsService } from './streams.service.js';

/** Following conversations live, over the notification channels or (`GENESYS_STREAM=direct`) a stream of its own. */
@Module({
  imports: [AuthModule, NotificationsModule],
  controllers: [StreamsController],
  providers: [
    ChannelFeed,
    DirectFeed,
    StreamsService,
    { provide: DIRECT_STREAM_TIMINGS, useValue: DIRECT_TIMINGS },
    {
      provide: CONVERSATION_FEED,
      inject: [CONFIG, ChannelFeed, DirectFeed],
      useFactory: ({ genesys }: Config, channels: ChannelFeed, direct: DirectFeed) =>
        genesys.stream === 'direct' ? direct : channels,
    },
  ],
  exports: [DirectFeed],
})
export class StreamsModule {}
