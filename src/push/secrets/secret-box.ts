import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../common/errors.js';
import { CONFIG } from '../../config/config.js';
import type { Config } from '../../config/config.js';

const CIPHER = 'aes-256-gcm';
const PREFIX = 'enc:v1:';
/** NIST SP 800-38D §8.2: 96 bits, drawn at random, for at most 2^32 secrets under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_DIGITS = 8;
const SEALED = /^enc:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;

/** Context of the secrets in PUSH_PROVIDERS_FILE, which `npm run encrypt` seals. */
export const PROVIDERS_CONTEXT = 'providers';

/** A sealed secret cannot be opened: it is damaged, or its key is not here any more. */
export class SecretUnreadableError extends GatewayError {
  readonly code = 'push.secret-unreadable';
}

/**
 * Encrypts secrets at rest (AES-256-GCM) as `enc:v1:<key id>:<base64url of nonce, tag and ciphertext>`. The first of
 * PUSH_SECRET_KEYS seals, all of them open, so that keys can be replaced one after the other.
 */
@Injectable()
export class SecretBox {
  private readonly keys: ReadonlyMap<string, Buffer>;
  private readonly newest: { id: string; key: Buffer };
  private readonly derived: boolean;

  constructor(@Inject(CONFIG) config: { push: Pick<Config['push'], 'secretKeys' | 'secretKeyIsDerived'> }) {
    const { secretKeys, secretKeyIsDerived } = config.push;
    const [first] = secretKeys;
    if (first === undefined) throw new Error('Config.push.secretKeys is never empty');
    this.keys = new Map(secretKeys.map((key) => [idOf(key), key]));
    this.newest = { id: idOf(first), key: first };
    this.derived = secretKeyIsDerived;
  }

  /** Whether a text has the form of a sealed secret. */
  static isSealed(text: string): boolean {
    return text.startsWith(PREFIX);
  }

  /**
   * @param context what the secret belongs to, such as a subscription's id: it opens there only, so that nobody who may
   *   write to the database can move it to a receiver of his own
   */
  seal(clear: string, context: string): string {
    const { id, key } = this.newest;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated(id, context));
    const text = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()]);
    return `${PREFIX}${id}:${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')}`;
  }

  /** @throws SecretUnreadableError that says which variable to look at */
  open(sealed: string, context: string): string {
    const [, id = '', body = ''] = SEALED.exec(sealed) ?? [];
    const bytes = Buffer.from(body, 'base64url');
    // The last character has bits that decoding ignores: one form only is taken.
    if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== body) {
      throw new SecretUnreadableError(
        'a stored secret does not have the form enc:v1:<key id>:<base64url>; enter it anew',
      );
    }
    const key = this.keys.get(id);
    if (key === undefined) throw this.withoutKey(id);
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(associated(id, context));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new SecretUnreadableError(
        'a stored secret was changed, or was moved from what it was sealed for; enter it anew',
        { cause },
      );
    }
  }

  private withoutKey(id: string): SecretUnreadableError {
    const wayOut = this.derived
      ? 'GENESYS_CLIENT_SECRET has changed, from which the key is made while PUSH_SECRET_KEYS is unset: set PUSH_SECRET_KEYS to lasting keys and enter the secret anew'
      : 'PUSH_SECRET_KEYS has no such key: append the key that sealed it, or enter the secret anew';
    return new SecretUnreadableError(`a stored secret was sealed with key ${id}, which is not here; ${wayOut}`);
  }
}

/** Tells keys apart without giving anything away: 32 of the 256 bits of a random key's hash. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('secret key id').update(key).digest('hex').slice(0, KEY_ID_DIGITS);
}

function associated(keyId: string, context: string): Buffer {
  return Buffer.from(`${PREFIX}${keyId}:${context}`, 'utf8');
}
