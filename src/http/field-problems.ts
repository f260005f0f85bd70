import type { z } from 'zod';
import type { FieldProblem } from './request.errors.js';

/** More bad fields than this are counted, not listed: an error's size must not follow the request's. */
export const MAX_PROBLEMS = 50;

/** Longer strings are not repeated in an error; they could be text that a customer wrote. */
const MAX_SHOWN = 64;

type Issue = z.core.$ZodIssue;

/**
 * What zod found, in the words of a caller: one entry per bad field.
 *
 * @param root what the value is called when an issue has no path: `body`, or a parameter's name
 */
export function fieldProblems(issues: readonly Issue[], value: unknown, root: string): FieldProblem[] {
  const all = issues.filter(isTightest).flatMap((issue) => problemsOf(issue, value, root));
  if (all.length <= MAX_PROBLEMS) return all;
  const left = all.length - MAX_PROBLEMS;
  return [...all.slice(0, MAX_PROBLEMS), { field: root, message: `has ${String(left)} more problems` }];
}

/** A whole number beyond 2^53 breaks the range of safe integers too; the field's own limit, which comes later, says more. */
function isTightest(issue: Issue, index: number, all: readonly Issue[]): boolean {
  const isSame = (other: Issue): boolean => other.code === issue.code && other.path.join('.') === issue.path.join('.');
  return !isSize(issue) || !all.slice(index + 1).some(isSame);
}

function isSize(issue: Issue): boolean {
  return issue.code === 'too_big' || issue.code === 'too_small';
}

function problemsOf(issue: Issue, value: unknown, root: string): FieldProblem[] {
  const field = issue.path.length === 0 ? root : issue.path.map(segment).join('.');
  if (issue.code === 'unrecognized_keys') {
    const prefix = issue.path.length === 0 ? '' : `${field}.`;
    return issue.keys.map((key) => ({ field: `${prefix}${cut(key)}`, message: 'is not a known field; leave it out' }));
  }
  const bad = at(value, issue.path);
  const problem: FieldProblem = { field: cut(field), message: messageOf(issue, bad) };
  if (repeatable(issue, bad)) problem.value = bad;
  return [problem];
}

function messageOf(issue: Issue, bad: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return bad === undefined
        ? requiredOf(issue)
        : `must be ${article(issue.expected)}, not ${nameOf(bad, issue.expected)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'regex'
        ? issue.message
        : `must be ${FORMATS[issue.format] ?? `in the format ${issue.format}`}`;
    case 'too_big':
      return `has ${sizeOf(bad, issue.origin)}; the limit is ${grouped(issue.maximum)}`;
    case 'too_small':
      return `has ${sizeOf(bad, issue.origin)}; the least is ${grouped(issue.minimum)}`;
    case 'invalid_key':
      return `has a key that is not allowed: it ${issue.issues.map((of) => messageOf(of, issue.path.at(-1))).join('; ')}`;
    default:
      return issue.message;
  }
}

/** A schema may say what to give: in a message of its own that begins the same way. */
function requiredOf({ message }: Issue): string {
  return message.startsWith('is required') ? message : 'is required';
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a UUID',
  guid: 'a UUID',
  datetime: 'an ISO 8601 date and time with its zone, such as 2026-01-31T12:00:00Z',
  url: 'a URL',
};

const TYPES: Readonly<Record<string, string>> = { record: 'object', int: 'whole number' };

/** Numbers and booleans always; strings only where a code, an id or a date is expected. */
function repeatable(issue: Issue, bad: unknown): bad is string | number | boolean {
  // JSON has no Infinity: it is what 1e999 becomes, and would be shown as null.
  if (typeof bad === 'number') return Number.isFinite(bad);
  if (typeof bad === 'boolean') return true;
  if (typeof bad !== 'string' || bad.length > MAX_SHOWN) return false;
  return issue.code === 'invalid_format' || issue.code === 'invalid_value';
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[key];
  }
  return here;
}

/** @param origin what zod measured: in a query string a number is still text */
function sizeOf(bad: unknown, origin: string): string {
  if (origin === 'number' || origin === 'int') return `the value ${String(bad)}`;
  // Code points, as zod and JSON Schema count.
  if (typeof bad === 'string') return `${grouped([...bad].length)} characters`;
  if (Array.isArray(bad)) return `${grouped(bad.length)} elements`;
  if (typeof bad === 'object' && bad !== null) return `${grouped(Object.keys(bad).length)} entries`;
  return `the value ${String(bad)}`;
}

function grouped(count: number | bigint): string {
  return count.toLocaleString('en-US');
}

function nameOf(bad: unknown, expected: string): string {
  if (bad === null) return 'null';
  if (typeof bad === 'number' && (expected === 'int' || !Number.isFinite(bad))) return String(bad);
  return article(Array.isArray(bad) ? 'array' : typeof bad);
}

function article(type: string): string {
  const name = TYPES[type] ?? type;
  return `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`;
}

function segment(key: PropertyKey): string {
  return key === '' ? '""' : String(key);
}

function cut(text: string): string {
  return text.length > MAX_SHOWN * 2 ? `${text.slice(0, MAX_SHOWN * 2)}…` : text;
}
