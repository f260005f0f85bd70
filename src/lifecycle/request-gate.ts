import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext, OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../common/errors.js';
import { ShutdownService } from './shutdown.service.js';

/** This instance is going away; another one takes the request. */
export class ShutdownInProgressError extends GatewayError {
  override readonly code = 'shutdown.in-progress';
  override readonly status = 503;

  constructor() {
    super('This instance is shutting down and takes nothing new; send the request again.');
  }
}

/**
 * Refuses requests that change something once the shutdown has begun, and lets the shutdown wait for those under way.
 * Reading stays possible: probes and people look at an instance while it drains.
 *
 * A guard and a hook, not an interceptor: the first interceptor takes every request of every route through four
 * observables and two async resources, which is a tenth of what an intake costs. A request is under way until its answer,
 * or the beginning of its stream, is handed to Fastify. Nest's `@Sse` would never be; nothing here uses it.
 */
@Injectable()
export class RequestGate implements CanActivate, OnModuleInit {
  private readonly underWay = new Set<FastifyRequest>();
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly shutdown: ShutdownService,
    private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    this.host.httpAdapter.getInstance<FastifyInstance>().addHook('onSend', (request, _reply, payload, done) => {
      if (this.underWay.delete(request) && this.underWay.size === 0) this.whenIdle?.();
      done(null, payload);
    });
    this.shutdown.register('intake', 'requests', () => this.idle());
  }

  /** @throws ShutdownInProgressError */
  canActivate(context: ExecutionContext): boolean {
    const [request, reply] = context.getArgs<[FastifyRequest, FastifyReply]>();
    const { method } = request;
    if (this.shutdown.state !== 'running' && method !== 'GET' && method !== 'HEAD') {
      void reply.header('Connection', 'close');
      throw new ShutdownInProgressError();
    }
    this.underWay.add(request);
    return true;
  }

  private idle(): Promise<void> {
    if (this.underWay.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenIdle = resolve;
    });
  }
}
