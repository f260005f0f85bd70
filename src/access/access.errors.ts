import { GatewayError } from '../common/errors.js';
import type { Role } from '../config/config.js';

/** No key came with the request, or one that is not in API_KEYS. */
export class UnauthenticatedError extends GatewayError {
  override readonly code = 'access.unauthenticated';
  override readonly status = 401;

  constructor(given: boolean) {
    super(
      given
        ? 'The API key of this request is not known; check it against API_KEYS.'
        : 'This request has no API key; send it as "Authorization: Bearer <key>" or "X-API-Key: <key>".',
    );
  }
}

/** The key is known, but it has none of the roles that the route asks for. */
export class ForbiddenError extends GatewayError {
  override readonly code = 'access.forbidden';
  override readonly status = 403;

  constructor(caller: string, has: readonly Role[], needed: readonly Role[]) {
    const role = needed.length === 1 ? 'the role' : 'one of the roles';
    super(`This needs ${role} ${needed.join(', ')}; the key "${caller}" has ${has.join(', ')}.`);
  }
}
