import { applyDecorators } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiServiceUnavailableResponse,
  ApiTooManyRequestsResponse,
} from '@nestjs/swagger';

const EXAMPLE = [
  'id: 3q2-7wAAAAAAAAAAAAAAAA',
  'event: wrapup',
  'data: {"conversationId":"4fce4357-7abc-44b9-81e5-64e1e9e0ccf1","eventType":"wrapup","timestamp":"2026-01-31T12:00:00.000Z","wrapupCode":"…"}',
  '',
].join('\n');

const DESCRIPTION = `Server-sent events while the connection lives; nothing is repeated after a reconnect.
Each has the event's type as \`event\`, and \`data\` with conversationId, eventType, timestamp and the chosen fields.
Beside them: \`stream.ready\` (from now on nothing is missed), \`stream.missed\` (the way from Genesys was broken for a while),
\`stream.refused\` (Genesys refuses a type for a conversation), and \`error\` with \`code\` and \`message\` before the stream ends.`;

export function ApiConversationEvents(): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary: 'Follow conversations live', description: DESCRIPTION }),
    ApiProduces('text/event-stream'),
    ApiOkResponse({
      description: 'The stream.',
      content: { 'text/event-stream': { schema: { type: 'string', example: EXAMPLE } } },
    }),
    ApiTooManyRequestsResponse({ description: 'streams.too-many: this key has 20 streams open' }),
    ApiServiceUnavailableResponse({
      description:
        'streams.full: 100 streams are open; streams.capacity: too few topics are left for streams; shutdown.in-progress. ' +
        'Again after Retry-After',
    }),
  );
}
