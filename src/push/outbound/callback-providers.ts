import type { Device } from '../publishers/publisher.js';

/** Where an operator lets the callbacks of a provider go. */
export interface CallbackTarget {
  url: string;
  /** For subscriptions that name none of their own. */
  authorization?: string;
}

/** The settings that customhttp and orscb need of PUSH_PROVIDERS_FILE; also the token to inject them by. */
export abstract class CallbackProviders {
  /** @throws PushDeviceError when the device's provider has no such settings, or not for production or debug */
  abstract customhttp(device: Device): CallbackTarget;
  /** @throws PushDeviceError as above */
  abstract orscb(device: Device): CallbackTarget;
}
