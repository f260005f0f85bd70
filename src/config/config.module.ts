import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { CONFIG } from './config.js';
import type { Config } from './config.js';

/**
 * Makes the one `Config` injectable everywhere as `@Inject(CONFIG)`. It is handed in, already validated, because what is
 * built before the application (logs, storage) needs it too, and because tests start many gateways in one process.
 */
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      imports: [NestConfigModule.forRoot({ ignoreEnvFile: true, skipProcessEnv: true, load: [() => ({ ...config })] })],
      providers: [{ provide: CONFIG, useValue: config }],
      exports: [CONFIG, NestConfigModule],
    };
  }
}
