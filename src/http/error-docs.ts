import type { OpenAPIObject } from '@nestjs/swagger';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import type { ErrorBody } from './error-body.js';
import { exceptionOf, isNotificationApi } from './gms-exceptions.js';
import { BODY_LIMIT_BYTES } from './limits.js';
import { problemContent } from './problem-docs.js';
import { MalformedJsonError, MediaTypeError, RequestInvalidError, RequestTooLargeError } from './request.errors.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const ERROR_SCHEMA = {
  type: 'object',
  description: 'Every error has this body.',
  required: ['statusCode', 'error', 'message', 'code'],
  properties: {
    statusCode: { type: 'integer', example: 400 },
    error: { type: 'string', description: "The status code's name.", example: 'Bad Request' },
    message: {
      type: 'string',
      description: 'What is wrong, with the value and the limit; for people.',
      example: 'attributes.caseId must be a string, not a number',
    },
    code: { type: 'string', description: 'What is wrong; stable, for programs.', example: 'request.invalid' },
    details: {
      type: 'array',
      description: 'For request.invalid: every bad field.',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', example: 'attributes.caseId' },
          message: { type: 'string', example: 'must be a string, not a number' },
          value: { description: "The bad value, where it is short and cannot be a customer's text." },
        },
      },
    },
  },
} as const;

const NOTIFICATION_ERROR_SCHEMA = {
  ...ERROR_SCHEMA,
  description: 'Every error of the Notification API has this body.',
  required: [...ERROR_SCHEMA.required, 'exception'],
  properties: {
    ...ERROR_SCHEMA.properties,
    details: {
      ...ERROR_SCHEMA.properties.details,
      description: 'For request.invalid: every bad field. For push.failed: the device that was not reached.',
      items: {
        ...ERROR_SCHEMA.properties.details.items,
        properties: {
          ...ERROR_SCHEMA.properties.details.items.properties,
          reason: { type: 'string', description: 'For push.failed: its code.', example: 'push.http-410' },
          status: { type: 'integer', description: 'For push.failed: what was answered.', example: 410 },
        },
      },
    },
    exception: {
      type: 'string',
      description: 'The class that Genesys Mobile Services would have named.',
      example: 'com.genesyslab.gsg.services.notification.SubscriptionNotFoundException',
    },
  },
} as const;

/** Writes into `document` the errors that the server answers with on every route, and the body of all errors. */
export function describeErrors(document: OpenAPIObject): void {
  document.components = {
    ...document.components,
    schemas: {
      ...document.components?.schemas,
      Error: structuredClone(ERROR_SCHEMA) as object,
      NotificationError: structuredClone(NOTIFICATION_ERROR_SCHEMA) as object,
    },
  };
  for (const [url, path] of Object.entries(document.paths)) {
    const schema = isNotificationApi(url) ? 'NotificationError' : 'Error';
    for (const method of METHODS) {
      const operation = path[method];
      if (operation) operation.responses = withErrors(operation, schema);
    }
  }
}

/** What an operation says of itself goes before what holds for all. */
function withErrors(operation: Operation, schema: 'Error' | 'NotificationError'): Responses {
  const responses: Responses = { ...generalErrors(operation), ...operation.responses };
  for (const [status, response] of Object.entries(responses)) {
    if (Number(status) < 400 || response === undefined || '$ref' in response) continue;
    const media = (response.content ??= {})['application/json'] ?? {};
    response.content['application/json'] = { schema: { $ref: `#/components/schemas/${schema}` }, ...media };
    if (schema === 'NotificationError') nameExceptions(media.examples as ErrorExamples | undefined, Number(status));
  }
  return responses;
}

type ErrorExamples = Record<string, { value: ErrorBody }>;

/** What is the same on all routes does not know that it stands in the Notification API. */
function nameExceptions(examples: ErrorExamples = {}, status: number): void {
  for (const [code, { value }] of Object.entries(examples)) {
    examples[code] = { value: { exception: exceptionOf(undefined, status), ...value } };
  }
}

function generalErrors({ requestBody, parameters = [], security }: Operation): Responses {
  const invalid = 'request.invalid: fields are not as documented; every bad one is in details';
  return {
    ...(requestBody === undefined
      ? parameters.length > 0 && {
          400: { description: invalid, content: problemContent(invalidParameter(parameters)) },
        }
      : {
          400: {
            description: `${invalid}. request.malformed-json: the body is not JSON in UTF-8`,
            content: problemContent(
              new RequestInvalidError([{ field: 'colour', message: 'is not a known field; leave it out' }]),
              new MalformedJsonError('The body is not valid JSON.'),
            ),
          },
          413: {
            description: 'request.too-large: the body is larger than 256 KiB',
            content: problemContent(new RequestTooLargeError(BODY_LIMIT_BYTES)),
          },
          415: {
            description: 'request.media-type: the body is not application/json',
            content: problemContent(new MediaTypeError('text/plain')),
          },
        }),
    ...(security !== undefined && {
      503: {
        description: 'storage.unavailable or shutdown.in-progress: nothing was done; again after Retry-After',
        headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', example: 5 } } },
        content: problemContent(
          new StorageUnavailableError('PostgreSQL at db.internal cannot be used: connection refused.'),
        ),
      },
    }),
  };
}

/** A mistake that can be made with one of these parameters. */
function invalidParameter(parameters: NonNullable<Operation['parameters']>): RequestInvalidError {
  const all = parameters.flatMap((parameter) => ('$ref' in parameter ? [] : [parameter]));
  const limit = all.find(({ name }) => name === 'limit');
  if (limit) return new RequestInvalidError([{ field: 'limit', message: 'has the value 0; the least is 1' }]);
  const id = all.find(({ schema }) => schema !== undefined && 'format' in schema && schema.format === 'uuid');
  if (id) return new RequestInvalidError([{ field: id.name, message: 'must be a UUID', value: '4711' }]);
  const last = all.at(-1)?.name ?? 'id';
  return new RequestInvalidError([{ field: last, message: 'has 600 characters; the limit is 512' }]);
}
