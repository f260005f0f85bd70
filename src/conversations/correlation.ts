import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { givenCorrelationId } from '../http/correlation-id.js';

/** What the caller calls the matter in its own logs; undefined when it named nothing. */
export const Correlation = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined =>
  givenCorrelationId(context.switchToHttp().getRequest<FastifyRequest>().headers),
);

/** For log lines about an interaction. */
export function correlationOf({ correlation_id: correlationId }: { correlation_id: string | null }): object {
  return correlationId === null ? {} : { correlationId };
}
