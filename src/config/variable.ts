import { z } from 'zod';

/**
 * One environment variable: everything that the validation, `.env.example` and docs/configuration.md need to know, so
 * that the three cannot disagree.
 */
export interface Variable<T> {
  /** What it is for, one sentence. */
  meaning: string;
  /** What is allowed, as the end of "VARIABLE="value": …". */
  allowed: string;
  /** The text that counts when the variable is unset or empty; absent when there is no default. */
  fallback?: string;
  /** A value for `.env.example` when there is no default. */
  example?: string;
  /** Must be set. Variables needed only together with others are checked where the others are known. */
  required?: boolean;
  /** Its value is never shown. */
  secret?: boolean;
  /** The issues of its schema say what is wrong with an element, without a secret. */
  explains?: boolean;
  schema: z.ZodType<T, string>;
}

interface Common {
  fallback?: string;
  example?: string;
  required?: boolean;
  secret?: boolean;
  explains?: boolean;
}

/** Printable text on one line. */
export function text(meaning: string, more: Common = {}): Variable<string> {
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  const schema = z.string().regex(/^[^\u0000-\u001f\u007f]*$/);
  return { meaning, allowed: 'must be set to text on one line', schema, ...more };
}

/** Path of a file that exists and can be read; that is checked together with the variables it depends on. */
export function file(meaning: string, more: Common = {}): Variable<string> {
  return text(meaning, { ...more });
}

export interface Range {
  min: number;
  max: number;
}

/** A whole number. */
export function integer(meaning: string, range: Range, more: Common): Variable<number> {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max);
  return { meaning, allowed: `must be a whole number from ${within(range)}`, schema, ...more };
}

/** A number that may have a fraction, in a unit of which `unitMs` make one of the result's milliseconds. */
export function duration(meaning: string, unitMs: number, range: Range, more: Common): Variable<number> {
  const schema = z
    .string()
    .regex(/^\d{1,12}(\.\d{1,9})?$/)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max)
    .transform((value) => Math.round(value * unitMs));
  return { meaning, allowed: `must be a number from ${within(range)} (fractions are fine)`, schema, ...more };
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** One of a few words, in any case. */
export function choice<const W extends string>(meaning: string, words: readonly W[], more: Common): Variable<W> {
  const schema = z
    .string()
    .transform((value) => value.toLowerCase())
    .pipe(z.enum(words));
  return { meaning, allowed: `must be one of ${words.join(', ')}`, schema, ...more };
}

/** A comma list; `element` decides about each of its trimmed, non-empty parts. */
export function list<T>(
  meaning: string,
  allowed: string,
  element: z.ZodType<T, string>,
  more: Common,
): Variable<readonly T[]> {
  const schema = z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(element));
  return { meaning, allowed, schema, ...more };
}

/** An http or https URL without credentials; a trailing slash is dropped. */
export function httpUrl(meaning: string, { query, ...more }: Common & { query: boolean }): Variable<string> {
  const schema = z
    .string()
    .refine((value) => isHttpUrl(value, query))
    .transform((value) => (query ? value : value.replace(/\/+$/, '')));
  const without = query ? 'without user, password or fragment' : 'without user, password, query or fragment';
  return { meaning, allowed: `must be an http:// or https:// URL ${without}`, schema, ...more };
}

/** A host name such as `mypurecloud.ie`. */
export function domain(meaning: string, allowed: string, more: Common): Variable<string> {
  const schema = z
    .string()
    .transform((value) => value.toLowerCase())
    .pipe(z.string().regex(/^(?!(?:api|login|apps|streaming)\.)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/));
  return { meaning, allowed, schema, ...more };
}

function isHttpUrl(value: string, query: boolean): boolean {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
  return url.username === '' && url.password === '' && url.hash === '' && (query || url.search === '');
}

function within({ min, max }: Range): string {
  return `${min.toLocaleString('en-US')} to ${max.toLocaleString('en-US')}`;
}
