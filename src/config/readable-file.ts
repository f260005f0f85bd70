import { accessSync, constants, statSync } from 'node:fs';
import { asError } from '../common/errors.js';

/** Why this file cannot be read, for a message; undefined when it can. */
export function unreadable(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return 'it is not a file';
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'it does not exist';
    if (code === 'EACCES') return 'this process may not read it';
    return asError(thrown).message;
  }
}
