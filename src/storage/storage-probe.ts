import { Injectable } from '@nestjs/common';
import { asError } from '../common/errors.js';
import { Database } from './database.js';
import { StorageUnavailableError } from './storage.errors.js';

/** A probe of Kubernetes as it is shipped waits for 3 s. */
const LIMIT_MS = 2_500;

/** Asks whether the database takes writes, once however many want to know, and never for long. */
@Injectable()
export class StorageProbe {
  private asking: Promise<Error | undefined> | undefined;

  constructor(private readonly database: Database) {}

  /** Why the database takes no write; undefined when it does. Answers within 2.5 s, never rejects. */
  async trouble(): Promise<Error | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Error>((resolve) => {
      timer = setTimeout(() => resolve(this.noAnswer()), LIMIT_MS);
    });
    // The question itself ends by the limits of its connection; whoever asks meanwhile adds none.
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    const trouble = await Promise.race([this.asking, late]);
    clearTimeout(timer);
    if (trouble instanceof StorageUnavailableError) this.database.outage.met(trouble);
    return trouble;
  }

  private async ask(): Promise<Error | undefined> {
    try {
      await this.database.check();
      return undefined;
    } catch (error) {
      return asError(error);
    }
  }

  private noAnswer(): Error {
    return new StorageUnavailableError(`${this.database.target} did not answer within ${LIMIT_MS / 1_000} s.`);
  }
}
