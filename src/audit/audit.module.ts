import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.js';

/** What operators did. Needs storage; anything may write to it. */
@Module({ providers: [AuditLog], exports: [AuditLog] })
export class AuditModule {}
