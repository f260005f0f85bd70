import { Global, Module } from '@nestjs/common';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Logs } from '../telemetry/logs.js';
import { Database } from './database.js';
import { KeptCounts } from './kept-counts.js';
import { ReplicaRepository } from './replica.repository.js';
import { ReplicaService } from './replica.service.js';
import { StorageProbe } from './storage-probe.js';

/** The database, open and migrated before anything that needs it is made: a boot without it fails with its reason. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [CONFIG, Logs],
      useFactory: async (config: Config, logs: Logs): Promise<Database> => {
        const database = new Database(config, logs);
        await database.open();
        return database;
      },
    },
    KeptCounts,
    ReplicaRepository,
    ReplicaService,
    StorageProbe,
  ],
  exports: [Database, KeptCounts, ReplicaService, StorageProbe],
})
export class StorageModule {}
