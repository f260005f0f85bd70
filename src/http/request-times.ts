import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Metrics } from '../telemetry/metrics.js';

/** Measures every request by its route; paths that have none are one, so that nobody's guesses make new series. */
@Injectable()
export class RequestTimes implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.host.httpAdapter.getInstance<FastifyInstance>().addHook('onResponse', (request, reply, done) => {
      const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
      const labels = { route: `${request.method} ${route}`, status: String(reply.statusCode) };
      this.metrics.httpRequestSeconds.observe(labels, reply.elapsedTime / 1_000);
      done();
    });
  }
}
