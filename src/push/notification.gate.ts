import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { MediaTypeError } from '../http/request.errors.js';
import { ApiVersionError } from './push.errors.js';

const VERSIONS = ['1', '2'];

/** What is checked before a body: the version in the path, and that a POST says what it sends, even when it is nothing. */
@Injectable()
export class NotificationGate implements CanActivate {
  /** @throws ApiVersionError, MediaTypeError */
  canActivate(context: ExecutionContext): boolean {
    const { method, params, headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!VERSIONS.includes((params as { version: string }).version)) throw new ApiVersionError();
    if (method === 'POST' && headers['content-type'] === undefined) throw new MediaTypeError(undefined);
    return true;
  }
}
