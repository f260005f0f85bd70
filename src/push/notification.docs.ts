import { applyDecorators } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiParam,
  ApiServiceUnavailableResponse,
  ApiTooManyRequestsResponse,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';

const ID = { type: 'string', format: 'uuid' } as const;

const GMS_USER = ApiHeader({
  name: 'gms_user',
  required: false,
  description: 'The user of comet pushes; required for the type comet.',
  schema: { type: 'string', maxLength: 256 },
});

/** What all routes share. */
export function ApiNotifications(): ClassDecorator {
  return ApiParam({ name: 'version', schema: { type: 'string', enum: ['1', '2'] } });
}

export function ApiSubscribed(): MethodDecorator {
  return applyDecorators(
    GMS_USER,
    ApiOkResponse({
      description: 'Durable: every matching event from now on is pushed.',
      schema: { type: 'object', required: ['id'], properties: { id: ID } },
    }),
    ApiNotFoundResponse({ description: 'push.type-disabled: the push type is not in PUSH_ENABLED; push.api-version' }),
    ApiTooManyRequestsResponse({
      description:
        'push.too-many-subscriptions: the subscriber has PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER already, the key ' +
        'PUSH_SUBSCRIPTIONS_PER_KEY, or the gateway PUSH_SUBSCRIPTIONS_MAX',
    }),
  );
}

export function ApiUnsubscribed(notFound: string): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description: 'Ended, with what was waiting for it.', schema: { type: 'object' } }),
    ApiNotFoundResponse({ description: `${notFound}; push.api-version` }),
  );
}

export function ApiPublished(): MethodDecorator {
  return applyDecorators(
    GMS_USER,
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'The same key with the same event again: the same answer, and nothing is pushed twice.',
      schema: { type: 'string', maxLength: 255 },
    }),
    ApiOkResponse({
      description: 'The event and its deliveries are durable; or, with notificationDetails, the device has it.',
      schema: {
        type: 'object',
        required: ['id'],
        properties: {
          id: ID,
          matched: {
            type: 'integer',
            minimum: 0,
            description: 'Subscriptions that it goes to; absent with notificationDetails.',
          },
          dropped: {
            type: 'integer',
            minimum: 1,
            description: 'Matching subscriptions whose subscriber has PUSH_QUEUE_PER_SUBSCRIBER pushes waiting.',
          },
        },
      },
    }),
    ApiNotFoundResponse({ description: 'push.type-disabled: the push type is not in PUSH_ENABLED; push.api-version' }),
    ApiConflictResponse({
      description: 'push.under-way: a direct publication with this Idempotency-Key has not ended',
    }),
    ApiUnprocessableEntityResponse({ description: 'push.idempotency-mismatch: the key was used for another event' }),
    ApiServiceUnavailableResponse({
      description:
        'push.failed: the device that notificationDetails names was not reached; ' +
        'storage.unavailable or shutdown.in-progress: nothing was done; again after Retry-After',
      headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
    }),
  );
}
