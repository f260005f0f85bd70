import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { GenesysModule } from '../genesys/genesys.module.js';
import { ChannelBudget } from './channel-budget.service.js';
import { ChannelCreator } from './channel-creator.service.js';
import { ChannelFleet } from './channel-fleet.service.js';
import { ChannelLease } from './channel-lease.service.js';
import { ChannelManager } from './channel-manager.service.js';
import { ChannelRepository } from './channel.repository.js';
import { ChannelUpkeep } from './channel-upkeep.service.js';
import { GapRecorder } from './gap-recorder.service.js';
import { GapRepository } from './gap.repository.js';

/** Channels, and the streams of what arrives on them. Knows no conversation. */
@Module({
  imports: [AuthModule, GenesysModule],
  providers: [
    ChannelBudget,
    ChannelCreator,
    ChannelFleet,
    ChannelLease,
    ChannelManager,
    ChannelRepository,
    ChannelUpkeep,
    GapRecorder,
    GapRepository,
  ],
  exports: [ChannelCreator, ChannelFleet, ChannelManager, ChannelUpkeep, GapRecorder, GapRepository],
})
export class NotificationsModule {}
