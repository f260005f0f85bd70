import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config, type Role } from '../../config/config.js';

/** The gateway's own events speak of customers, so whoever only hands in or reads does not hear them. */
const HEARING: readonly Role[] = ['publish', 'admin'];

export function mayHearOwnEvents(roles: readonly Role[]): boolean {
  return roles.some((role) => HEARING.includes(role));
}

/** Tags of the gateway's own events begin with this; nobody else publishes on such a tag. */
export const OWN_TAGS = 'genesys.';

export function isOwnTag(tag: string): boolean {
  return tag.startsWith(OWN_TAGS);
}

/**
 * Who hears the gateway's own events. A subscription keeps the right that it was made with for as long as its key has it:
 * keys change with a restart, and from then on a key that has lost the role makes its subscriptions deaf for them. A key
 * that is no longer configured, or whoever comes without one of these keys, cannot be asked: there the right stays.
 */
@Injectable()
export class OwnEventsRight {
  private readonly deaf: ReadonlySet<string>;

  constructor(@Inject(CONFIG) { access }: Pick<Config, 'access'>) {
    this.deaf = new Set(access.keys.filter(({ roles }) => !mayHearOwnEvents(roles)).map(({ name }) => name));
  }

  hears({ created_by, own_events }: { created_by: string; own_events: number }): boolean {
    return own_events === 1 && !this.deaf.has(created_by);
  }
}
