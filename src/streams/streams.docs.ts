import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiServiceUnavailableResponse } from '@nestjs/swagger';
import { ApiProblem, problemContent } from '../http/problem-docs.js';
import { RequestInvalidError } from '../http/request.errors.js';
import { StreamCapacityError, StreamsFullError, TooManyStreamsError } from './stream.errors.js';

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
    ApiProblem(
      'request.invalid: fields are not as documented; every bad one is in details',
      new RequestInvalidError([
        { field: 'conversationId', message: 'must be UUIDs, such as 4fce4357-7abc-44b9-81e5-64e1e9e0ccf1, not "4711"' },
      ]),
    ),
    ApiProblem('streams.too-many: this key has 20 streams open', new TooManyStreamsError('crm', 20)),
    ApiServiceUnavailableResponse({
      description:
        'streams.full: 100 streams are open; streams.capacity: too few topics are left for streams; shutdown.in-progress. ' +
        'Again after Retry-After',
      content: problemContent(new StreamsFullError(100), new StreamCapacityError(12, 1_995, 2_000)),
    }),
  );
}
