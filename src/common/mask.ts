import { type Reading, readingOf, tracesOf } from './spelling.js';

/** What stands where something is not shown. */
export const MASKED = '***';

/** What is a secret by its form, whoever wrote it. Each is bounded, so that no text makes them slow. */
const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}-----|$)/g, MASKED],
  [/\b(Bearer|Basic|Negotiate)(\s+|%20)[\w.~+/=-]{6,}/gi, `$1 ${MASKED}`],
  [/\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, MASKED],
  [/\/\/[^\s/@"]{1,200}@/g, `//${MASKED}@`],
  [
    /([\w-]{0,32}(?:authorization|token|secret|passw(?:or)?d|api[-_]?key|cookie|signature|credentials?)[\w-]{0,32}["']?\s{0,4}[:=]\s{0,4})(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"',;&}]+)/gi,
    `$1"${MASKED}"`,
  ],
];

/**
 * A text of somebody else without the secrets that are known to us, however they are written there, and without what looks
 * like one.
 */
export function withoutSecrets(text: string, known: readonly string[]): string {
  let rest = withoutKnown(text, known);
  for (const [form, instead] of SECRETS) rest = rest.replace(form, instead);
  return rest;
}

/** A text of ours without the secrets that are known to us, however they are written there. */
export function withoutKnown(text: string, known: readonly string[]): string {
  const reading = readingOf(text);
  return masked(
    text,
    tracesOf(known).flatMap((trace) => placesOf(trace, reading)),
  );
}

type Place = readonly [from: number, to: number];

/** Where it is written, also where it overlaps itself. */
function placesOf(trace: string, { text, from, to }: Reading): Place[] {
  const places: Place[] = [];
  for (let at = text.indexOf(trace); at !== -1; at = text.indexOf(trace, at + 1)) {
    places.push([from[at] ?? 0, to[at + trace.length - 1] ?? 0]);
  }
  return places;
}

function masked(text: string, places: readonly Place[]): string {
  let rest = '';
  let end = 0;
  for (const [from, to] of [...places].sort(([one], [other]) => one - other)) {
    // Places that overlap are one.
    if (from >= end) rest += text.slice(end, from) + MASKED;
    end = Math.max(end, to);
  }
  return rest + text.slice(end);
}

/** Names under which programs give each other codes; what stands under others may be of a customer. */
const CODES = /^(code|error|errorCode|error_code|status|statusCode|type|field|path)$/i;
const CODE = /^[\w.:/-]{1,64}$/;
/** A line of a log, not a document. */
const MAX_SHAPE = 300;

/**
 * What may be seen of an answer without seeing a customer: the shape of its JSON with what reads like codes. Anything else
 * may be an echo of what was sent.
 */
export function shapeOf(answer: string): string {
  let json: unknown;
  try {
    json = JSON.parse(answer);
  } catch {
    // Not JSON, or cut off: a text of any kind.
    return `${MASKED} (${String(answer.length)} characters)`;
  }
  return JSON.stringify(shaped(json)).slice(0, MAX_SHAPE);
}

function shaped(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.slice(0, 5).map((each) => shaped(each, name));
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value).slice(0, 20);
    return Object.fromEntries(fields.map(([key, each]) => [CODE.test(key) ? key : MASKED, shaped(each, key)]));
  }
  if (value === null || typeof value === 'boolean') return value;
  const readable = typeof value === 'string' || typeof value === 'number';
  return readable && CODES.test(name) && CODE.test(String(value)) ? value : MASKED;
}
