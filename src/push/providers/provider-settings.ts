import type { Environment } from '../../config/environment.js';
import type { Device } from '../publishers/publisher.js';
import { PushDeviceError } from '../push.errors.js';
import type { SecretBox } from '../secrets/secret-box.js';
import { providersFileSchema } from './provider-schema.js';
import { ProviderSecrets } from './provider-secrets.js';
import { fileError, readSettingsFile } from './settings-file.js';
import { openSection } from './settings.js';
import type { ApnsSettings, CallbackSettings, FcmSettings, Section, WnsSettings } from './settings.js';

/** The field that names the settings, in errors when there are none. */
export const PROVIDER_FIELD = 'providerName';

const VARIABLE = 'PUSH_PROVIDERS_FILE';

/**
 * The settings of the push providers by name, with all secrets opened: read once, at boot. A device with debug uses its
 * provider's debug settings and only those, for Apple's two systems do not know each other's devices.
 */
export class ProviderSettings {
  private constructor(private readonly sections: ReadonlyMap<string, Section>) {}

  /**
   * @param file PUSH_PROVIDERS_FILE; without one there are no settings
   * @param env where {"env": "NAME"} is looked up
   * @throws ConfigError with every problem and its path in the file
   */
  static load(file: string | undefined, box: SecretBox, env: Environment): ProviderSettings {
    if (file === undefined) return new ProviderSettings(new Map());
    const given = readSettingsFile(VARIABLE, file, providersFileSchema);
    const secrets = new ProviderSecrets(box, env);
    const sections = new Map<string, Section>();
    for (const [name, { production, debug }] of Object.entries(given)) {
      if (production) sections.set(keyOf(name, false), openSection(production, `${name}.production`, secrets));
      if (debug) sections.set(keyOf(name, true), openSection(debug, `${name}.debug`, secrets));
    }
    if (secrets.problems.length > 0) throw fileError(VARIABLE, secrets.problems);
    return new ProviderSettings(sections);
  }

  /** The same object for the same settings: connections and tokens hang on it. @throws PushDeviceError as all below */
  apns(device: Device): ApnsSettings {
    return this.of(device, 'ios');
  }

  fcm(device: Device): FcmSettings {
    return this.of(device, 'fcm');
  }

  wns(device: Device): WnsSettings {
    return this.of(device, 'wns');
  }

  customhttp(device: Device): CallbackSettings {
    return this.of(device, 'customhttp');
  }

  orscb(device: Device): CallbackSettings {
    return this.of(device, 'orscb');
  }

  private of<K extends keyof Section>(device: Device, kind: K): NonNullable<Section[K]> {
    const settings = this.sections.get(keyOf(device.providerName, device.debug))?.[kind];
    if (settings !== undefined) return settings;
    const mode = device.debug ? 'debug' : 'production';
    throw new PushDeviceError(
      PROVIDER_FIELD,
      `provider ${JSON.stringify(device.providerName)} has no ${mode} settings for ${device.type}; ` +
        `${VARIABLE} needs them under ${device.providerName}.${mode}.${kind}`,
    );
  }
}

/** What fails together: one app at one service. Not a secret. */
export function providerDestination(service: string, device: Device): string {
  return `${service}:${device.providerName}:${device.debug ? 'debug' : 'production'}`;
}

/** No provider's name has a slash. */
function keyOf(name: string, debug: boolean): string {
  return `${name}/${debug ? 'debug' : 'production'}`;
}
