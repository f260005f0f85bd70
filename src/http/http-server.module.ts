import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ApiSchemas } from './api-schemas.js';
import { ErrorFilter } from './error.filter.js';
import { RequestTimes } from './request-times.js';
import { RequestValidationPipe } from './validation.pipe.js';

/** What every request passes: validation by schema, and errors in one shape; and what the API's documents need. Needs telemetry. */
@Global()
@Module({
  providers: [
    ApiSchemas,
    RequestTimes,
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_PIPE, useClass: RequestValidationPipe },
  ],
  exports: [ApiSchemas],
})
export class HttpServerModule {}
