import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PackageJson {
  name: string;
  description: string;
  version: string;
  license: string;
}

let read: PackageJson | undefined;

/** Ours, found upwards from here: the depth differs between the sources and what is built from them. */
export function packageJson(): PackageJson {
  if (read) return read;
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder))
      throw new Error(`No package.json above ${import.meta.dirname}; it belongs beside dist/.`);
    folder = dirname(folder);
  }
  read = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson;
  return read;
}
