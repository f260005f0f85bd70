import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiParam, ApiServiceUnavailableResponse } from '@nestjs/swagger';
import { ForbiddenError } from '../access/access.errors.js';
import { EXAMPLE } from '../http/example-ids.js';
import { ApiProblem, problemContent } from '../http/problem-docs.js';
import { ShutdownInProgressError } from '../lifecycle/request-gate.js';
import {
  ApiVersionError,
  IdempotencyMismatchError,
  OwnEventsForbiddenError,
  PublicationUnderWayError,
  PushFailedError,
  PushTypeDisabledError,
  SubscriberNotFoundError,
  SubscriptionNotFoundError,
  TooManySubscriptionsError,
} from './push.errors.js';

const ID = { type: 'string', format: 'uuid' } as const;

const TYPE_DISABLED = ApiProblem(
  'push.type-disabled: the push type is not in PUSH_ENABLED; push.api-version',
  new PushTypeDisabledError('ios', ['comet', 'httpcb']),
  new ApiVersionError(),
);

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
      schema: { type: 'object', required: ['id'], properties: { id: ID }, example: { id: EXAMPLE.subscriptionId } },
    }),
    ApiProblem(
      "push.own-events-forbidden: the filter begins with genesys. and is for the gateway's own events, for which the key " +
        'needs the role publish or admin',
      new ForbiddenError('bridge', ['events'], ['intake', 'publish']),
      new OwnEventsForbiddenError('genesys.gap', 'crm'),
    ),
    TYPE_DISABLED,
    ApiProblem(
      'push.too-many-subscriptions: the subscriber has PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER already, the key ' +
        'PUSH_SUBSCRIPTIONS_PER_KEY, or the gateway PUSH_SUBSCRIPTIONS_MAX',
      new TooManySubscriptionsError('The key "crm"', 10_000, 'PUSH_SUBSCRIPTIONS_PER_KEY'),
    ),
  );
}

const NOT_FOUND = {
  subscription: {
    description:
      'push.subscription-not-found: "Subscription ID not found"; also when it has ended already or another key made it; ' +
      'push.api-version',
    error: new SubscriptionNotFoundError(),
  },
  subscriber: {
    description:
      'push.subscriber-not-found: "Subscriber ID not found"; also when other keys made all of them; push.api-version',
    error: new SubscriberNotFoundError(),
  },
};

export function ApiUnsubscribed(what: keyof typeof NOT_FOUND): MethodDecorator {
  const { description, error } = NOT_FOUND[what];
  return applyDecorators(
    ApiOkResponse({ description: 'Ended, with what was waiting for it.', schema: { type: 'object', example: {} } }),
    ApiProblem(description, error, new ApiVersionError()),
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
        example: { id: EXAMPLE.eventId, matched: 3 },
      },
    }),
    TYPE_DISABLED,
    ApiProblem(
      'push.under-way: a direct publication with this Idempotency-Key has not ended',
      new PublicationUnderWayError(),
    ),
    ApiProblem('push.idempotency-mismatch: the key was used for another event', new IdempotencyMismatchError()),
    ApiServiceUnavailableResponse({
      description:
        'push.failed: the device that notificationDetails names was not reached, the reason is in details; ' +
        'storage.unavailable or shutdown.in-progress: nothing was done; again after Retry-After',
      headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
      content: problemContent(
        new PushFailedError('push.http-410', 'the receiver answered 410', 410),
        new ShutdownInProgressError(),
      ),
    }),
  );
}
