import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { RequestGate } from './request-gate.js';
import { ShutdownService } from './shutdown.service.js';

/** The end of the process, in order. Needs `CONFIG` and telemetry. */
@Global()
@Module({
  providers: [ShutdownService, { provide: APP_INTERCEPTOR, useClass: RequestGate }],
  exports: [ShutdownService],
})
export class LifecycleModule {}
