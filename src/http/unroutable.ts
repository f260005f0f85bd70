import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayError } from '../common/errors.js';
import { bodyOf } from './error-body.js';
import { MAX_PARAMETER_LENGTH } from './limits.js';
import {
  BadUrlError,
  HeadersTooLargeError,
  MalformedHttpError,
  PathTooLongError,
  RequestTimeoutError,
} from './request.errors.js';

/** Answers what the router itself refuses, before any hook or filter could. */
export function answerUnroutable(cause: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const tooLong = cause.code === 'FST_ERR_MAX_PARAM_LENGTH';
  const error = tooLong ? new PathTooLongError(MAX_PARAMETER_LENGTH, { cause }) : new BadUrlError({ cause });
  reply.header('X-Correlation-Id', request.id).header('X-Content-Type-Options', 'nosniff');
  void reply.code(error.status).type('application/json; charset=utf-8').send(bodyOf(error, request.url));
}

/**
 * Answers what is no HTTP request at all, and ends its connection: where the next one would begin is unknown.
 *
 * @param timeoutMs how long a request may take to arrive, for the answer to one that took longer
 */
export function answerMalformed(timeoutMs: number): (cause: ConnectionError, socket: Socket) => void {
  return (cause, socket) => {
    if (cause.code === 'ECONNRESET' || socket.destroyed) return;
    if (socket.writable) socket.write(rawAnswer(malformed(cause, timeoutMs)));
    socket.destroy();
  };
}

function malformed(cause: ConnectionError, timeoutMs: number): GatewayError {
  if (cause.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestTimeoutError(timeoutMs, { cause });
  if (cause.code === 'HPE_HEADER_OVERFLOW') return new HeadersTooLargeError(maxHeaderSize, { cause });
  return new MalformedHttpError({ cause });
}

function rawAnswer(error: GatewayError): string {
  const body = JSON.stringify(bodyOf(error));
  return [
    `HTTP/1.1 ${String(error.status)} ${STATUS_CODES[error.status] ?? 'Error'}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
