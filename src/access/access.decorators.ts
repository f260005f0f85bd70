import { SetMetadata, applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiSecurity } from '@nestjs/swagger';
import type { Role } from '../config/config.js';
import { ApiProblem } from '../http/problem-docs.js';
import { ForbiddenError, UnauthenticatedError } from './access.errors.js';

export const ACCESS = 'gateway:access';

/** Settings of `config.access` that can open a route. */
export type OpenedBy = 'metricsPublic';

/** What a route declares about who may call it. A route that declares nothing does not exist for callers. */
export type Access = { kind: 'public' } | { kind: 'roles'; roles: readonly Role[]; openedBy?: OpenedBy };

/** Any one of these roles may call this route, or every route of this controller. */
export function Roles(first: Role, ...more: Role[]): MethodDecorator & ClassDecorator {
  return keyed({ kind: 'roles', roles: [first, ...more] });
}

/** Like `@Roles`, and open to everybody when that setting is on. */
export function RolesUnless(openedBy: OpenedBy, first: Role, ...more: Role[]): MethodDecorator & ClassDecorator {
  return keyed({ kind: 'roles', roles: [first, ...more], openedBy });
}

/** Everybody may call this, without a key. */
export function Public(): MethodDecorator & ClassDecorator {
  return SetMetadata(ACCESS, { kind: 'public' } satisfies Access);
}

function keyed(access: Access & { kind: 'roles' }): MethodDecorator & ClassDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, access),
    ApiBearerAuth(),
    ApiSecurity('apiKey'),
    ApiProblem('access.unauthenticated: no key, or one that is not known', new UnauthenticatedError(false)),
    ApiProblem(
      `access.forbidden: the key needs the role ${access.roles.join(' or ')}`,
      new ForbiddenError('bridge', ['events'], access.roles),
    ),
  );
}
