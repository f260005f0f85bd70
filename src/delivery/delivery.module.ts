import { Module } from '@nestjs/common';
import { DeadLetters } from './dead-letters.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryService } from './delivery.service.js';
import { Outbox } from './outbox.js';

/** The outbox and what empties it. Needs storage and telemetry; sinks register themselves. */
@Module({
  providers: [DeadLetters, DeliveryRepository, DeliveryService, Outbox],
  exports: [DeadLetters, DeliveryRepository, DeliveryService, Outbox],
})
export class DeliveryModule {}
