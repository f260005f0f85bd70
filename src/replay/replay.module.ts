import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { ReplayRunner } from './replay-runner.service.js';
import { ReplayRepository } from './replay.repository.js';
import { ReplayService } from './replay.service.js';

/** Sending dead letters again. `ReplayRunner` is started once the sinks and their followers are there. */
@Module({
  imports: [AuditModule, DeliveryModule],
  providers: [ReplayRepository, ReplayRunner, ReplayService],
  exports: [ReplayRepository, ReplayRunner, ReplayService],
})
export class ReplayModule {}
