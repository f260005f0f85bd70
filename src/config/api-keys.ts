import { z } from 'zod';
import { ROLES } from './config.js';
import type { ApiKey, Role } from './config.js';

/** Shorter keys can be guessed; they are accepted, with a warning, because whoever hands them out may have reasons. */
export const ADVISED_KEY_LENGTH = 16;

export const API_KEYS_ALLOWED = `must be a comma list of name:role[+role]:key, with the roles ${ROLES.join(', ')}, each name and each key once, and without spaces in keys`;

const ENTRY = /^([A-Za-z0-9._-]{1,64}):([a-z+]+):([\x21-\x7e]{1,512})$/;

/** `name:role[+role]:key`. The key is everything after the second colon. */
export const apiKey: z.ZodType<ApiKey, string> = z.string().transform((entry, context) => {
  const [, name, roleList, key] = ENTRY.exec(entry) ?? [];
  const roles = (roleList ?? '').split('+');
  if (name === undefined || key === undefined || !roles.every(isRole)) {
    context.addIssue({ code: 'custom', message: API_KEYS_ALLOWED });
    return z.NEVER;
  }
  return { name, roles: [...new Set(roles)], key };
});

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
