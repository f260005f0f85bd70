import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import type { PushType } from '../../config/push-variables.js';
import { PushTypeDisabledError } from '../push.errors.js';
import type { Publisher } from './publisher.js';

/** Injection token of every publisher there is. */
export const PUBLISHERS = Symbol('PUBLISHERS');

/** Which publisher serves which push type, among those of PUSH_ENABLED. */
@Injectable()
export class PushPublishers {
  private readonly byType = new Map<PushType, Publisher>();

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    @Inject(PUBLISHERS) publishers: readonly Publisher[],
  ) {
    const { enabled } = config.push;
    for (const publisher of publishers) {
      for (const type of publisher.types) if (enabled.includes(type)) this.byType.set(type, publisher);
    }
    const unserved = enabled.filter((type) => !this.byType.has(type));
    if (unserved.length > 0) throw new Error(`no publisher serves ${unserved.join(', ')}`);
  }

  /** @throws PushTypeDisabledError */
  of(type: PushType): Publisher {
    const publisher = this.byType.get(type);
    if (!publisher) throw new PushTypeDisabledError(type, this.config.push.enabled);
    return publisher;
  }

  /** Closes the connections of all. */
  async close(): Promise<void> {
    await Promise.all([...new Set(this.byType.values())].map(async (publisher) => publisher.close?.()));
  }
}
