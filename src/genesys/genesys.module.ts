import { HttpModule } from '@nestjs/axios';
import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { GenesysClient } from './genesys.client.js';

/** Genesys Cloud's REST API. */
@Module({
  imports: [AuthModule, HttpModule],
  providers: [GenesysClient],
  exports: [GenesysClient],
})
export class GenesysModule {}
