import { hash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, ROLES } from '../config/config.js';
import type { Config } from '../config/config.js';
import type { Caller } from './caller.js';

const EVERYBODY: Caller = { name: 'anonymous', roles: ROLES };

/** Knows the keys of `API_KEYS`. */
@Injectable()
export class ApiKeys {
  private readonly known: readonly { digest: Buffer; caller: Caller }[];
  private readonly open: boolean;

  constructor(@Inject(CONFIG) config: Config) {
    this.open = config.access.mode === 'none';
    this.known = config.access.keys.map(({ name, roles, key }) => ({ digest: digestOf(key), caller: { name, roles } }));
  }

  /**
   * Whose key this is; undefined when nobody's. Compares digests of equal length in constant time and looks at every key,
   * so that the time taken tells neither how much of a key was right nor which key it was.
   */
  callerOf(key: string | undefined): Caller | undefined {
    if (this.open) return EVERYBODY;
    if (key === undefined) return undefined;
    const digest = digestOf(key);
    let found: Caller | undefined;
    for (const { digest: knownDigest, caller } of this.known) {
      if (timingSafeEqual(digest, knownDigest)) found = caller;
    }
    return found;
  }
}

/** The key of a request: `Authorization: Bearer` before `X-API-Key`. */
export function keyIn(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(String(headers.authorization ?? ''))?.[1];
  if (bearer !== undefined) return bearer;
  const own = headers['x-api-key'];
  return typeof own === 'string' && own.trim() !== '' ? own.trim() : undefined;
}

function digestOf(key: string): Buffer {
  // In one go and as text: a Hash object, or a Buffer from native code, costs four times the hashing. Every request comes by.
  return Buffer.from(hash('sha256', key, 'hex'), 'latin1');
}
