import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RequestGate } from './request-gate.js';
import { ShutdownService } from './shutdown.service.js';

/** The end of the process, in order. Needs `CONFIG` and telemetry. */
@Global()
@Module({
  providers: [ShutdownService, { provide: APP_GUARD, useClass: RequestGate }],
  exports: [ShutdownService],
})
export class LifecycleModule {}
