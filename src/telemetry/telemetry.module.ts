import { Global, Module } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Logs } from './logs.js';
import { Metrics } from './metrics.js';

/** Logs and metrics, for every module. Needs `CONFIG`. */
@Global()
@Module({
  providers: [{ provide: Logs, inject: [CONFIG], useFactory: (config: Config) => Logs.to(config.log) }, Metrics],
  exports: [Logs, Metrics],
})
export class TelemetryModule implements OnModuleInit, OnModuleDestroy {
  constructor(private readonly metrics: Metrics) {}

  onModuleInit(): void {
    this.metrics.collectProcess();
  }

  onModuleDestroy(): void {
    this.metrics.registry.clear();
  }
}
