import type { Environment } from './environment.js';

/** The process's own environment, for settings that name a variable as the place of a secret. */
export function processEnvironment(): Environment {
  return process.env;
}
