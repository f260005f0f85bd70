import type { HistoryRecord } from '../history/record.js';
import { present } from './after-call-work.js';

type Media = NonNullable<HistoryRecord['media']>;
type Callback = NonNullable<HistoryRecord['callback']>;
type Told<Facts> = { [Key in keyof Facts]: Facts[Key] | null | undefined };

/** What is known of the medium: kinds in capitals, as events have them; look-ups have small letters. */
export function mediaFacts({ type, messageType, ...facts }: Told<Media>): Media | undefined {
  return someOf<Media>({ type: type?.toUpperCase(), messageType: messageType?.toUpperCase(), ...facts });
}

/** What the customer asked for. @param scheduledAt epoch ms in events, ISO 8601 in look-ups */
export function callbackFacts(
  numbers: readonly (string | null | undefined)[] | null | undefined,
  userName: string | null | undefined,
  scheduledAt: number | string | null | undefined,
): Callback | undefined {
  return someOf<Callback>({ numbers: listOf(numbers), userName, scheduledAt: isoOf(scheduledAt) });
}

/** Those that have a value, each once; undefined where none has. */
export function listOf(values: readonly (string | null | undefined)[] | null | undefined): string[] | undefined {
  const kept = new Set<string>();
  for (const value of values ?? []) if (value) kept.add(value);
  return kept.size === 0 ? undefined : [...kept];
}

/** The fields that have a value; undefined where none has. */
function someOf<Facts extends object>(fields: Told<Facts>): Facts | undefined {
  const facts = present<Facts>(fields);
  return Object.keys(facts).length === 0 ? undefined : facts;
}

function isoOf(time: number | string | null | undefined): string | undefined {
  if (time === null || time === undefined) return undefined;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
