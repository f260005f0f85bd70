import type { FieldProblem } from '../../src/http/request.errors.js';

/** One way to spoil a valid body, and every problem that the answer must list. */
export interface BadBody {
  name: string;
  /** Put over the valid body; undefined takes the field away. */
  change: Record<string, unknown>;
  details: FieldProblem[];
}

/** One way to change a valid body that leaves it valid. */
export interface GoodBody {
  name: string;
  change: Record<string, unknown>;
}

export interface FieldTable {
  bad: BadBody[];
  good: GoodBody[];
}

const UNSTORABLE = 'must not contain U+0000 or half a surrogate pair';
const BLANK = 'must not be blank: it has nothing but spaces';
export const UUID = '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1';

/** The sentence of one problem in `message`; a value that `details` repeat stands in it too. */
export function sentenceOf({ field, message, value }: FieldProblem): string {
  const told = value === undefined || message.includes(JSON.stringify(value));
  return `${field} ${message}${told ? '' : ` (given: ${JSON.stringify(value)})`}`;
}

/** A field that says something: text of 1 to `max` code points that is not blank. */
export function wordsField(field: string, max: number): FieldTable {
  const { bad, good } = textField(field, { min: 1, max });
  const blanks = ['   ', '\t\r\n', '\u00a0\u2003'];
  return { bad: [...bad, ...blanks.map((blank) => badOf(field)(`only ${JSON.stringify(blank)}`, blank, BLANK))], good };
}

/** A field that is text of `min` to `max` code points. */
export function textField(field: string, { min, max }: { min: number; max: number }): FieldTable {
  const bad = badOf(field);
  const good = goodOf(field);
  return {
    bad: [
      ...wrongTypes(field, 'a string', ['string']),
      bad('one too long', 'x'.repeat(max + 1), `has ${grouped(max + 1)} characters; the limit is ${grouped(max)}`),
      bad(
        'one too long, each two UTF-16 units',
        '😀'.repeat(max + 1),
        `has ${grouped(max + 1)} characters; the limit is ${grouped(max)}`,
      ),
      bad('U+0000', 'a\u0000b', UNSTORABLE),
      bad('a lone high surrogate', 'a\ud83d', UNSTORABLE),
      bad('a lone low surrogate', '\ude00a', UNSTORABLE),
      ...(min === 1 ? [bad('empty', '', 'has 0 characters; the least is 1')] : []),
    ],
    good: [
      good('as long as allowed', 'x'.repeat(max)),
      good('as long as allowed, each two UTF-16 units', '😀'.repeat(max)),
      good('as short as allowed', 'x'.repeat(min)),
      good('other control characters', '\u0001\t\r\n\u007f\u200f'),
      good('SQL', "'; drop table interactions; --"),
    ],
  };
}

export function uuidField(field: string): FieldTable {
  const bad = badOf(field);
  const good = goodOf(field);
  const wrong = 'must be a UUID';
  return {
    bad: [
      ...wrongTypes(field, 'a string', ['string']),
      bad('another text', 'abc', wrong, 'abc'),
      bad('empty', '', wrong, ''),
      bad('one too short', UUID.slice(1), wrong, UUID.slice(1)),
      bad('one too long', `${UUID}0`, wrong, `${UUID}0`),
      bad('without hyphens', UUID.replaceAll('-', ''), wrong, UUID.replaceAll('-', '')),
      bad('in braces', `{${UUID}}`, wrong, `{${UUID}}`),
      bad('a line break behind it', `${UUID}\n`, wrong, `${UUID}\n`),
      bad('long text, which is not repeated', 'x'.repeat(1000), wrong),
    ],
    good: [
      good('upper case', '0B5C2C4A-1111-4222-8333-9ABCDEFABCDE'),
      good('of no version', '0b5c2c4a-1111-0222-0333-944444444444'),
    ],
  };
}

export function enumField(field: string, words: readonly string[]): FieldTable {
  const bad = badOf(field);
  const wrong = `must be one of ${words.join(', ')}`;
  const lower = (words[0] as string).toLowerCase();
  return {
    bad: [
      bad('in lower case', lower, wrong, lower),
      bad('another word', 'FAX', wrong, 'FAX'),
      bad('empty', '', wrong, ''),
      bad('padded', ` ${words[0] as string}`, wrong, ` ${words[0] as string}`),
      bad('null', null, wrong),
      bad('a number', 5, wrong, 5),
      bad('an array', [words[0]], wrong),
      bad('long text, which is not repeated', 'x'.repeat(100), wrong),
    ],
    good: words.map((word) => goodOf(field)(word, word)),
  };
}

/** Text to text, at most 32 entries of 64 and 512. */
export function attributesField(): FieldTable {
  const field = 'attributes';
  const bad = badOf(field);
  const good = goodOf(field);
  const at = (key: string, name: string, value: unknown, message: string, shown?: FieldProblem['value']): BadBody => ({
    name: `attributes: ${name}`,
    change: { attributes: { [key]: value } },
    details: [
      { field: `${field}.${key === '' ? '""' : key}`, message, ...(shown === undefined ? {} : { value: shown }) },
    ],
  });
  return {
    bad: [
      ...wrongTypes(field, 'an object', ['object']),
      bad('33 keys', entries(33), 'has 33 keys; the limit is 32'),
      {
        name: 'attributes: 33 keys and a value that is none',
        change: { attributes: { ...entries(32), caseId: 88 } },
        details: [
          { field: 'attributes.caseId', message: 'must be a string, not a number', value: 88 },
          { field, message: 'has 33 keys; the limit is 32' },
        ],
      },
      at('', 'an empty key', 'x', 'has a key that is not allowed: it has 0 characters; the least is 1'),
      at('k'.repeat(65), 'a key of 65', 'x', 'has a key that is not allowed: it has 65 characters; the limit is 64'),
      at('a\u0000', 'U+0000 in a key', 'x', `has a key that is not allowed: it ${UNSTORABLE}`),
      at('a\ud800', 'half a pair in a key', 'x', `has a key that is not allowed: it ${UNSTORABLE}`),
      at('caseId', 'a value of 513', 'v'.repeat(513), 'has 513 characters; the limit is 512'),
      at('caseId', 'U+0000 in a value', '\u0000', UNSTORABLE),
      at('caseId', 'a number', 88, 'must be a string, not a number', 88),
      at('caseId', 'null', null, 'must be a string, not null'),
      at('caseId', 'an object', { x: 'y' }, 'must be a string, not an object'),
      at('caseId', 'an array', ['y'], 'must be a string, not an array'),
    ],
    good: [
      good('none', {}),
      good('32 keys', entries(32)),
      good('a key of 64', { ['k'.repeat(64)]: 'x' }),
      good('a value of 512', { caseId: 'v'.repeat(512) }),
      good('an empty value', { caseId: '' }),
      good('names that JavaScript has a use for', {
        constructor: 'a',
        prototype: 'b',
        toString: 'c',
        hasOwnProperty: 'd',
      }),
    ],
  };
}

/** A field that must be there. */
export function missing(field: string): BadBody {
  return { name: `${field}: missing`, change: { [field]: undefined }, details: [{ field, message: 'is required' }] };
}

/** `value` is what the answer repeats. */
export function badOf(field: string) {
  return (name: string, bad: unknown, message: string, value?: FieldProblem['value']): BadBody => ({
    name: `${field}: ${name}`,
    change: { [field]: bad },
    details: [{ field, message, ...(value === undefined ? {} : { value }) }],
  });
}

export function goodOf(field: string) {
  return (name: string, value: unknown): GoodBody => ({ name: `${field}: ${name}`, change: { [field]: value } });
}

/** A value of each JSON type but those that are right. */
export function wrongTypes(field: string, expected: string, right: readonly string[]): BadBody[] {
  const bad = badOf(field);
  const all: [string, BadBody][] = [
    ['null', bad('null', null, `must be ${expected}, not null`)],
    ['string', bad('a string', 'x', `must be ${expected}, not a string`)],
    ['number', bad('a number', 5, `must be ${expected}, not a number`, 5)],
    ['boolean', bad('a boolean', true, `must be ${expected}, not a boolean`, true)],
    ['array', bad('an array', ['x'], `must be ${expected}, not an array`)],
    ['object', bad('an object', { x: 'y' }, `must be ${expected}, not an object`)],
  ];
  return all.filter(([type]) => !right.includes(type)).map(([, each]) => each);
}

function entries(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'x']));
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
