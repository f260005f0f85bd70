import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor, OnModuleInit } from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { finalize } from 'rxjs';
import type { Observable } from 'rxjs';
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
 */
@Injectable()
export class RequestGate implements NestInterceptor, OnModuleInit {
  private underWay = 0;
  private whenIdle: (() => void) | undefined;

  constructor(private readonly shutdown: ShutdownService) {}

  onModuleInit(): void {
    this.shutdown.register('intake', 'requests', () => this.idle());
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const { method } = context.switchToHttp().getRequest<FastifyRequest>();
    if (this.shutdown.state !== 'running' && method !== 'GET' && method !== 'HEAD') {
      context.switchToHttp().getResponse<FastifyReply>().header('Connection', 'close');
      throw new ShutdownInProgressError();
    }
    // A stream of server-sent events ends when its source does, not by waiting for it.
    if (Reflect.getMetadata(SSE_METADATA, context.getHandler()) === true) return next.handle();
    this.underWay += 1;
    return next.handle().pipe(
      finalize(() => {
        this.underWay -= 1;
        if (this.underWay === 0) this.whenIdle?.();
      }),
    );
  }

  private idle(): Promise<void> {
    if (this.underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenIdle = resolve;
    });
  }
}
