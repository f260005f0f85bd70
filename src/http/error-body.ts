import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { GatewayError } from '../common/errors.js';
import { exceptionOf, isNotificationApi } from './gms-exceptions.js';

/** Every error that this service answers with. */
export interface ErrorBody {
  statusCode: number;
  error: string;
  message: string;
  code: string;
  details?: unknown;
  /** Only in answers of the Notification API: the class that the original would have named. */
  exception?: string;
}

/**
 * What a caller is told of an error; nothing of one that nobody expected.
 *
 * @param url of the request, when known: the Notification API's errors name an exception
 */
export function bodyOf(error: unknown, url = ''): ErrorBody {
  const body = plainBodyOf(error);
  return isNotificationApi(url) ? { ...body, exception: exceptionOf(error, body.statusCode) } : body;
}

function plainBodyOf(error: unknown): ErrorBody {
  if (error instanceof GatewayError) {
    const { details } = error;
    return {
      ...head(error.status),
      message: error.publicMessage ?? error.message,
      code: error.code,
      ...(details === undefined ? {} : { details }),
    };
  }
  if (error instanceof HttpException) {
    const status = error.getStatus();
    return { ...head(status), message: error.message, code: genericCode(status) };
  }
  const status = clientStatusOf(error);
  if (status !== undefined) {
    return { ...head(status), message: (error as Error).message, code: genericCode(status) };
  }
  return { ...head(500), message: 'Something failed inside the gateway; its log has the reason.', code: 'internal' };
}

function head(statusCode: number): Pick<ErrorBody, 'statusCode' | 'error'> {
  return { statusCode, error: STATUS_CODES[statusCode] ?? 'Error' };
}

/** `request.bad-request`, `request.service-unavailable`: for errors that have no code of their own. */
function genericCode(status: number): string {
  if (status === 500) return 'internal';
  return `request.${(STATUS_CODES[status] ?? 'error').toLowerCase().replace(/[^a-z]+/g, '-')}`;
}

/** Fastify's own errors about a request; their messages are about the protocol and safe to repeat. */
export function clientStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || codeOf(error)?.startsWith('FST_') !== true) return undefined;
  const { statusCode } = error as Error & { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

function codeOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as Error & { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
