import { readEnvironment } from '../../../src/config/boot.js';
import { ProviderSettings } from '../../../src/push/providers/provider-settings.js';
import { Texts } from '../../../src/push/providers/texts.js';
import { SecretBox } from '../../../src/push/secrets/secret-box.js';
import { type Check, ok } from '../check.js';

/** Read as at the boot, with the secrets that are sealed in them. No push service is asked. */
export const pushFiles: Check = {
  name: 'push files',
  needs: ['configuration'],
  applies: ({ config: { push } }) => push.enabled.length > 0 && filesOf(push).length > 0,
  async run({ config, logs }) {
    ProviderSettings.load(config.push.providersFile, new SecretBox(config), readEnvironment());
    Texts.load(config.push.localizationFile, logs.of('doctor'));
    return ok(`${filesOf(config.push).join(' and ')} can be used`);
  },
};

function filesOf({ providersFile, localizationFile }: { providersFile?: string; localizationFile?: string }): string[] {
  return [providersFile, localizationFile].filter((file) => file !== undefined);
}
