import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { givenCorrelationId } from '../http/correlation-id.js';
import type { InteractionRow } from '../storage/schema.js';

/** What the caller calls the matter in its own logs; undefined when it named nothing. */
export const Correlation = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined =>
  givenCorrelationId(context.switchToHttp().getRequest<FastifyRequest>().headers),
);

/** Whose a log line is, and what its caller calls it. */
export type LoggedRow = Pick<InteractionRow, 'id' | 'conversation_id' | 'correlation_id'>;

/** By these an interaction is followed through the log: every line about one has them. */
export function idsForLogs({ id, conversation_id: conversation, correlation_id: correlationId }: LoggedRow): object {
  return { interaction: id, conversation, ...(correlationId === null ? {} : { correlationId }) };
}
