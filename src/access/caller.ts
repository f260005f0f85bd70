import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Role } from '../config/config.js';

/** Who makes a request: the name of the key, for logs and audits, and what it may do. */
export interface Caller {
  name: string;
  roles: readonly Role[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the access guard when the request has a key that is known. */
    caller?: Caller;
  }
}

/** The caller of this request, as a parameter of a controller's method; undefined without a known key, on a public route. */
export const CurrentCaller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().caller,
);
