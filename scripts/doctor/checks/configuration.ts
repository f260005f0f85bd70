import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig, readEnvironment } from '../../../src/config/boot.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { unknownVariables } from '../../../src/config/warnings.js';
import { type Check, failure, ok, type Verdict, warning } from '../check.js';

/** Everything that is wrong at once, as at the boot. */
export const configuration: Check = {
  name: 'configuration',
  needs: [],
  async run(on) {
    try {
      const { config, warnings } = loadConfig();
      on.config = config;
      if (warnings.length === 0) return ok(`complete, from ${sources()}`);
      return warning(`complete, from ${sources()}, but:`, 'Look whether that is meant.', { more: warnings });
    } catch (error) {
      if (error instanceof ConfigError) return broken(error);
      throw error;
    }
  },
};

function broken({ problems, message }: ConfigError): Verdict {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return failure(
    `${count} in ${sources()}; the gateway would end with 78:`,
    '.env.example and docs/configuration.md have every variable.',
    { more: [...message.split('\n'), ...unknownVariables(readEnvironment())], misconfigured: true },
  );
}

/** The `.env` file is for development (`readEnvironment`). */
function sources(): string {
  const read = process.env['NODE_ENV'] !== 'production' && existsSync('.env');
  return read ? `the environment and ${resolve('.env')}` : 'the environment';
}
