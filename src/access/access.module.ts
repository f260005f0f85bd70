import { Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { ApiKeys } from './api-keys.service.js';
import { Routes } from './routes.service.js';

/** Who may call us: API keys, roles, and a guard before every controller. Needs `CONFIG` and telemetry. */
@Module({
  imports: [DiscoveryModule],
  providers: [ApiKeys, Routes, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [ApiKeys, Routes],
})
export class AccessModule {}
