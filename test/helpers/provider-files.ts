import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testConfig } from '../../src/config/testing/test-config.js';
import { ProviderSettings } from '../../src/push/providers/provider-settings.js';
import type { Device } from '../../src/push/publishers/publisher.js';
import { SecretBox } from '../../src/push/secrets/secret-box.js';
import { TEST_CERTIFICATE } from './push-service.js';

/** A folder with PUSH_PROVIDERS_FILE and what it refers to. */
export class ProviderFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'push-providers-'));
  readonly caFile = this.put('ca.pem', TEST_CERTIFICATE);

  put(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  load(providers: unknown, env: Record<string, string> = {}): ProviderSettings {
    const file = this.put('providers.json', JSON.stringify(providers));
    return ProviderSettings.load(file, new SecretBox(testConfig()), env);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export function pemPair(kind: 'ec' | 'rsa'): { pem: string; publicKey: KeyObject } {
  const { privateKey, publicKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKey };
}

export function deviceOf(type: Device['type'], deviceId: string, more: Partial<Device> = {}): Device {
  return { type, deviceId, properties: {}, debug: false, providerName: 'default', ...more };
}
