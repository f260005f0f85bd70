import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { serveApiDocs } from './http/api-docs.js';
import { createHttpAdapter, HTTP_OPTIONS } from './http/fastify-adapter.js';
import { Logs } from './telemetry/logs.js';
import { NestLogger } from './telemetry/nest-logger.js';

/** The application as it runs, not listening yet. Tests use the same. */
export async function createGateway(config: Config): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(config),
    createHttpAdapter(config.server),
    {
      ...HTTP_OPTIONS,
      abortOnError: false,
      logger: new NestLogger(Logs.to(config.log)),
    },
  );
  serveApiDocs(app);
  return app;
}
