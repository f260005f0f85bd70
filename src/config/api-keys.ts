import { z } from 'zod';
import { ROLES } from './config.js';
import type { ApiKey, Role } from './config.js';

/** Shorter keys can be guessed; they are accepted, with a warning, because whoever hands them out may have reasons. */
export const ADVISED_KEY_LENGTH = 16;

export const API_KEYS_ALLOWED = `must be a comma list of name:role[+role]:key, with the roles ${ROLES.join(', ')}, each name and each key once, and without spaces in keys`;

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const KEY = /^[\x21-\x7e]{1,512}$/;
/** A key that stands where the name belongs must not be shown as one: keys that deserve the word have digits. */
const SURELY_A_NAME = /^[A-Za-z][A-Za-z._-]{0,31}\d{0,2}$/;

/** `name:role[+role]:key`. The key is everything after the second colon. What is wrong with one never shows a key. */
export const apiKey: z.ZodType<ApiKey, string> = z.string().transform((entry, context) => {
  const [name = '', roleList = '', ...rest] = entry.split(':');
  const roles = roleList.split('+');
  const key = rest.join(':');
  const message = problemOf(name, roles, rest.length === 0 ? undefined : key);
  if (message !== undefined || !roles.every(isRole)) {
    context.addIssue({ code: 'custom', message: `${SURELY_A_NAME.test(name) ? ` ("${name}")` : ''} ${message ?? ''}` });
    return z.NEVER;
  }
  return { name, roles: [...new Set(roles)], key };
});

function problemOf(name: string, roles: readonly string[], key: string | undefined): string | undefined {
  if (key === undefined) return 'has fewer than two colons';
  if (!NAME.test(name)) return 'has no name of 1 to 64 letters, digits, dots, hyphens or underscores';
  const unknown = roles.findIndex((role) => !isRole(role));
  if (unknown >= 0) return `names a role that does not exist, the ${ordinal(unknown + 1)} of its roles`;
  if (key === '') return 'has no key';
  return KEY.test(key) ? undefined : 'has a key with characters other than printable ASCII, or with more than 512';
}

function ordinal(place: number): string {
  return ['first', 'second', 'third'][place - 1] ?? `${String(place)}th`;
}

/** What is wrong with the keys together: a name or a key that is there twice. Names only, never a key. */
export function apiKeyClashes(keys: readonly ApiKey[]): string[] {
  const owners = new Map<string, string>();
  const names = new Set<string>();
  const clashes: string[] = [];
  for (const { name, key } of keys) {
    if (names.has(name)) clashes.push(`the name "${name}" is there twice; each caller needs its own`);
    const owner = owners.get(key);
    if (owner !== undefined && owner !== name)
      clashes.push(`"${owner}" and "${name}" have the same key; each needs its own`);
    names.add(name);
    owners.set(key, name);
  }
  return clashes;
}

function isRole(word: string): word is Role {
  return (ROLES as readonly string[]).includes(word);
}
