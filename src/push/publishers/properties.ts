import { PushDeviceError } from '../push.errors.js';
import type { Device } from './publisher.js';

/** Reads `notificationDetails.properties`. The original's are texts, in its own example numbers too: both are taken. */
export class Properties {
  constructor(private readonly properties: Device['properties']) {}

  text(name: string): string | undefined {
    const value = this.properties[name];
    return value === undefined ? undefined : String(value);
  }

  /** The first of several names that is set: newer and older ones of the same. */
  firstText(...names: string[]): string | undefined {
    return names.map((name) => this.text(name)).find((value) => value !== undefined);
  }

  /** @throws PushDeviceError when it is set and is no whole number of the range */
  integer(name: string, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
    if (number <= max) return number;
    throw new PushDeviceError(fieldOf(name), `must be a whole number from 0 to ${String(max)}`);
  }

  /** @throws PushDeviceError when it is set and is neither true nor false */
  flag(name: string): boolean | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (value === 'true' || value === '1') return true;
    if (value === 'false' || value === '0') return false;
    throw new PushDeviceError(fieldOf(name), 'must be true or false');
  }

  /** A JSON array of texts, or one text that stands for an array of it. @throws PushDeviceError */
  texts(name: string): string[] | undefined {
    const value = this.text(name);
    if (value === undefined || !value.trimStart().startsWith('[')) return value === undefined ? undefined : [value];
    const array = parsed(value);
    if (Array.isArray(array) && array.every((item) => typeof item === 'string')) return array;
    throw new PushDeviceError(fieldOf(name), 'must be a JSON array of texts, or one text');
  }
}

export function fieldOf(property: string): string {
  return `notificationDetails.properties.${property}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the caller says what it must be.
    return undefined;
  }
}
