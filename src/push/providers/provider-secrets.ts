import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { asError } from '../../common/errors.js';
import type { Environment } from '../../config/environment.js';
import { PROVIDERS_CONTEXT } from '../secrets/secret-box.js';
import type { SecretBox } from '../secrets/secret-box.js';
import type { GivenSecret } from './provider-schema.js';

/** Keys and service accounts have some kilobytes; anything beyond is another file. */
const MAX_BYTES = 64 * 1024;

/** Opens what PUSH_PROVIDERS_FILE refers to, and collects what cannot be opened instead of stopping at the first. */
export class ProviderSecrets {
  readonly problems: { path: string; message: string }[] = [];

  constructor(
    private readonly box: SecretBox,
    private readonly env: Environment,
  ) {}

  /** The secret in clear; empty after a problem, which is then in `problems`. */
  open(given: GivenSecret, path: string): string {
    try {
      const clear = this.clearOf(given);
      if (clear === '') throw new Error('the secret is empty');
      return clear;
    } catch (error) {
      this.problem(path, asError(error).message);
      return '';
    }
  }

  /** A file that holds no secret, such as trusted certificates. */
  file(name: string, path: string): string {
    try {
      return readSmall(name);
    } catch (error) {
      this.problem(path, asError(error).message);
      return '';
    }
  }

  problem(path: string, message: string): void {
    this.problems.push({ path, message });
  }

  private clearOf(given: GivenSecret): string {
    if (typeof given === 'string') return this.box.open(given, PROVIDERS_CONTEXT);
    // Editors end files with a line break, which is no part of a secret.
    if ('file' in given) return readSmall(given.file).replace(/[\r\n]+$/, '');
    const value = this.env[given.env];
    if (value === undefined) throw new Error(`the environment variable ${given.env} is not set`);
    return value;
  }
}

function readSmall(name: string): string {
  const bytes = readFileSync(resolve(name));
  if (bytes.length > MAX_BYTES) {
    throw new Error(`${name} has ${String(bytes.length)} bytes; at most ${String(MAX_BYTES)} are taken`);
  }
  return bytes.toString('utf8');
}
