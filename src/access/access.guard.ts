import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { NoSuchRouteError } from '../http/request.errors.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import { ACCESS } from './access.decorators.js';
import type { Access } from './access.decorators.js';
import { ForbiddenError, UnauthenticatedError } from './access.errors.js';
import { ApiKeys, keyIn } from './api-keys.service.js';

/** Refused keys are logged at most this often: whoever guesses must not fill the log. */
const REFUSAL_LOG_INTERVAL_MS = 10_000;

/**
 * Decides about every request to a controller. There is no lock-out after wrong keys: behind a proxy all callers share one
 * address, so that one misconfigured caller would stop the intake of all; weak keys are warned of at boot instead.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly log: Log;
  private refusals = 0;
  private lastRefusalLog = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly reflector: Reflector,
    private readonly keys: ApiKeys,
    @Inject(CONFIG) private readonly config: Config,
    logs: Logs,
  ) {
    this.log = logs.of('access');
  }

  canActivate(context: ExecutionContext): boolean {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    const [request, reply] = context.getArgs<[FastifyRequest, FastifyReply]>();
    if (access === undefined) throw new NoSuchRouteError(request.method, request.url);
    const key = keyIn(request.headers);
    const caller = this.keys.callerOf(key);
    if (caller !== undefined) request.caller = caller;
    // Whoever has a key may be told more there; a wrong one is as good as none.
    if (access.kind === 'public') return true;
    if (access.openedBy !== undefined && this.config.access[access.openedBy]) return true;
    if (caller === undefined) {
      this.noteRefusal(request, key !== undefined);
      void reply.header('WWW-Authenticate', 'Bearer');
      throw new UnauthenticatedError(key !== undefined);
    }
    if (!access.roles.some((role) => caller.roles.includes(role))) {
      throw new ForbiddenError(caller.name, caller.roles, access.roles);
    }
    return true;
  }

  private noteRefusal(request: FastifyRequest, given: boolean): void {
    this.refusals += 1;
    const now = performance.now();
    if (now - this.lastRefusalLog < REFUSAL_LOG_INTERVAL_MS) return;
    this.lastRefusalLog = now;
    this.log.warn(
      { address: request.ip, keyGiven: given, since: this.refusals },
      'request without a known key refused',
    );
    this.refusals = 0;
  }
}
