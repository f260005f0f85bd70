import type { Role } from '../config/config.js';
import { ForbiddenError } from './access.errors.js';
import type { Caller } from './caller.js';

/** Who may see what speaks of a customer: ids, addresses, subjects, notes, attributes, bodies. */
const SEEING = ['privacy', 'admin'] as const satisfies readonly Role[];

export function seesCustomers({ roles }: Caller): boolean {
  return SEEING.some((role) => roles.includes(role));
}

/** For those who ask for it by `reveal=true`. @throws ForbiddenError */
export function requireSight(caller: Caller): void {
  if (!seesCustomers(caller)) throw new ForbiddenError(caller.name, caller.roles, SEEING);
}
