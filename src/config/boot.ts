import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import type { Config } from './config.js';
import { ConfigError } from './config-error.js';
import { parseEnvironment } from './environment.js';
import type { Environment } from './environment.js';
import { configWarnings, unknownVariables } from './warnings.js';

/** sysexits' EX_CONFIG; tells an operator's tooling that a restart will not help. */
export const EXIT_CONFIG = 78;

export interface Booted {
  config: Config;
  /** Allowed but probably not meant; for the log, once there is one. Without secrets. */
  warnings: readonly string[];
}

/**
 * The configuration from `process.env` and, outside production, from the `.env` file of the working directory, whose
 * values count only where the process has none.
 *
 * @throws ConfigError with every problem
 */
export function loadConfig(env: Environment = process.env, envFile = '.env'): Booted {
  const merged = readEnvironment(env, envFile);
  const config = parseEnvironment(merged);
  return { config, warnings: configWarnings(merged, config) };
}

/**
 * `loadConfig`, or the end of the process: every problem on standard error without a stack trace, exit code 78.
 *
 * @param warn takes each warning; standard error unless given
 */
export function loadConfigOrExit(warn: (message: string) => void = toStderr): Config {
  const { config, warnings } = orExit(() => loadConfig(), warn);
  warnings.forEach(warn);
  return config;
}

/** What `load` gives, or the end of the process as `loadConfigOrExit` says. @param program what cannot start then; the gateway */
export function orExit<T>(load: () => T, warn: (message: string) => void = toStderr, program?: string): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A misspelt name is often the reason why another one is missing.
    unknownVariables(readEnvironment()).forEach(warn);
    process.stderr.write(error.render(program));
    process.exit(EXIT_CONFIG);
  }
}

/** The variables as `loadConfig` sees them, for settings files that name some. */
export function readEnvironment(env: Environment = process.env, envFile = '.env'): Environment {
  return { ...(env.NODE_ENV === 'production' ? {} : readEnvFile(envFile)), ...env };
}

function toStderr(warning: string): void {
  process.stderr.write(`warning: ${warning}\n`);
}

function readEnvFile(path: string): Record<string, string> {
  return existsSync(path) ? parse(readFileSync(path)) : {};
}
