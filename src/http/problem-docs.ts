import { ApiResponse } from '@nestjs/swagger';
import type { GatewayError } from '../common/errors.js';
import { bodyOf, type ErrorBody } from './error-body.js';

type ProblemContent = Record<'application/json', { examples: Record<string, { value: ErrorBody }> }>;

/**
 * What a route answers when it refuses. The examples are the bodies of real errors, so that they cannot differ from what is
 * sent; all errors have the same status.
 */
export function ApiProblem(
  description: string,
  first: GatewayError,
  ...more: GatewayError[]
): MethodDecorator & ClassDecorator {
  return ApiResponse({ status: first.status, description, content: problemContent(first, ...more) });
}

/** The bodies of `errors` as examples, by their codes. */
export function problemContent(...errors: GatewayError[]): ProblemContent {
  // An error that names an exception belongs to the Notification API.
  const examples = errors.map((error): [string, { value: ErrorBody }] => [
    error.code,
    { value: bodyOf(error, 'exception' in error ? '/genesys/' : '') },
  ]);
  return { 'application/json': { examples: Object.fromEntries(examples) } };
}
