import { Module } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { DeliveryService } from '../delivery/delivery.service.js';
import { HistoryClient } from './history.client.js';
import { HistoryService } from './history.service.js';
import { HISTORY_MAPPING, HistorySink } from './history.sink.js';
import { loadMapping, PLAIN } from './mapping.js';
import type { Mapping } from './mapping.js';

/** The communication history: its record, its client, and its place behind the outbox. A bad mapping ends the boot. */
@Module({
  imports: [DeliveryModule],
  providers: [
    {
      provide: HISTORY_MAPPING,
      inject: [CONFIG],
      useFactory: async ({ history }: Config): Promise<Mapping> =>
        history.mappingFile === undefined ? PLAIN : loadMapping(history.mappingFile),
    },
    HistoryClient,
    HistorySink,
    HistoryService,
  ],
  exports: [HistoryService],
})
export class HistoryModule implements OnModuleInit {
  constructor(
    private readonly delivery: DeliveryService,
    private readonly sink: HistorySink,
  ) {}

  onModuleInit(): void {
    this.delivery.register(this.sink);
  }
}
