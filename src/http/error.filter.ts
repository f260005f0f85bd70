import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../common/errors.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { bodyOf, clientStatusOf } from './error-body.js';
import type { ErrorBody } from './error-body.js';
import { BODY_LIMIT_BYTES } from './limits.js';
import { MediaTypeError, MethodNotAllowedError, NoSuchRouteError, RequestTooLargeError } from './request.errors.js';
import { routeTableOf } from './fastify-adapter.js';

/** Seconds after which a caller may try again when we cannot answer now. */
const RETRY_AFTER_S = 1;

/** Turns whatever was thrown into the one error body. What nobody expected becomes a 500 that tells nothing of the inside. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly log: Log;
  /** Callers who are told to come again: what is away says so itself, once, and not for each of them. */
  private readonly outages = new Map<string, OutageLog>();

  constructor(logs: Logs) {
    this.log = logs.of('http');
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = translate(thrown, request);
    const body = bodyOf(error, request.url);
    this.note(thrown, body, request);
    if (reply.raw.headersSent) {
      // A stream (SSE) broke on the way: there is no place for an error any more.
      reply.raw.end();
      return;
    }
    if (error instanceof MethodNotAllowedError) reply.header('Allow', error.allowed.join(', '));
    if (body.statusCode === 503) reply.header('Retry-After', String(RETRY_AFTER_S));
    void reply.code(body.statusCode).type('application/json; charset=utf-8').send(body);
  }

  /** Its codes are those of our own errors, so few. */
  private outageOf(code: string): OutageLog {
    let outage = this.outages.get(code);
    if (!outage) this.outages.set(code, (outage = new OutageLog(this.log, `requests (${code})`)));
    return outage;
  }

  private note(thrown: unknown, { statusCode, code }: ErrorBody, request: FastifyRequest): void {
    const where = { method: request.method, route: request.routeOptions.url, requestId: request.id, code };
    if (statusCode === 503 && thrown instanceof GatewayError) this.outageOf(code).failed(thrown, where);
    else if (statusCode >= 500) this.log.error({ ...where, err: thrown }, 'request failed');
    else this.log.debug({ ...where, statusCode, caller: request.caller?.name }, 'request refused');
  }
}

/** Fastify's and Nest's errors as ours, where ours says more. */
function translate(thrown: unknown, request: FastifyRequest): unknown {
  if (thrown instanceof GatewayError) return thrown;
  if (request.is404) {
    const path = request.url.split('?', 1)[0] ?? '/';
    const allowed = routeTableOf(request.server)?.methodsOf(path) ?? [];
    // A page's folder takes any path and may still have no such file.
    return allowed.length === 0 || allowed.includes(request.method)
      ? new NoSuchRouteError(request.method, request.url)
      : new MethodNotAllowedError(request.method, request.url, allowed);
  }
  const status = thrown instanceof HttpException ? thrown.getStatus() : clientStatusOf(thrown);
  if (status === 413) return new RequestTooLargeError(BODY_LIMIT_BYTES, { cause: thrown });
  if (status === 415) return new MediaTypeError(request.headers['content-type'], { cause: thrown });
  return thrown;
}
