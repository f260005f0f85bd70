import { HttpModule } from '@nestjs/axios';
import { Module } from '@nestjs/common';
import { TokenService } from './token.service.js';

/** Our token at Genesys Cloud. Needs `CONFIG`, telemetry, and `ScheduleModule.forRoot()` in the application's root module. */
@Module({
  imports: [HttpModule],
  providers: [TokenService],
  exports: [TokenService],
})
export class AuthModule {}
