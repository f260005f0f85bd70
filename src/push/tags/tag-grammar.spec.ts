import { PushError } from '../push.errors.js';
import { PushSyntaxError } from './tag.errors.js';
import { checkFilter, checkTag, TAG_MAX_DEPTH, TAG_MAX_LENGTH } from './tag-grammar.js';

function problemOf(check: () => void): PushSyntaxError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof PushSyntaxError) return error;
    throw error;
  }
}

const deep = (parts: number): string => Array.from({ length: parts }, () => 'a').join('.');

/** Good as tags, and so as filters. The first ones are the original document's own. */
const GOOD = [
  'ors.contact.12345678',
  'ors.agentavailability.agent123.available',
  'ors.events.agentavailabilty.context.1234560',
  'gms.notification.agentstatus',
  'a',
  '1',
  '_',
  '1a.2b',
  'A.b_C.9',
  '__.__',
  'genesys.conversation.4fce4357_7abc_44b9_81e5_64e1e9e0ccf1.acw',
  'x'.repeat(TAG_MAX_LENGTH),
  deep(TAG_MAX_DEPTH),
];

/** Text and what the message must say about it, for tags and filters alike. */
const BAD: [text: string, says: RegExp][] = [
  ['', /must not be empty/],
  ['.', /'\.' at position 1 is the first character/],
  ['.a', /'\.' at position 1 is the first character/],
  ['a.', /'\.' at position 2 is the last character/],
  ['a..b', /'\.' at position 3 follows another dot/],
  ['a...', /'\.' at position 3 follows another dot/],
  ['a b', /' ' at position 2 is not allowed: English letters, digits/],
  [' a', /' ' at position 1/],
  ['a.b ', /' ' at position 4/],
  ['a-b', /'-' at position 2/],
  ['a/b', /'\/' at position 2/],
  ["a'b", /''' at position 2/],
  ['a#', /'#' at position 2/],
  ['ors.$x', /'\$' at position 5/],
  ['a\n', /U\+000A at position 2/],
  ['a\u0000', /U\+0000 at position 2/],
  ['über', /U\+00FC at position 1/],
  ['a.é', /U\+00E9 at position 3/],
  ['а.b', /U\+0430 at position 1/], // Cyrillic, looks like an English a
  ['٣', /U\+0663 at position 1/], // an Arabic digit
  ['a．b', /U\+FF0E at position 2/], // a full-width dot
  ['ab😀', /U\+1F600 at position 3/],
  ['a\ud800', /U\+D800 at position 2/],
  ['x'.repeat(TAG_MAX_LENGTH + 1), /has 257 characters; at most 256/],
  [deep(TAG_MAX_DEPTH + 1), /has 33 parts between dots; at most 32/],
];

const GOOD_WILDCARDS = ['*', 'ors.*', 'ors.agentavailability.*', '1.*', `${deep(TAG_MAX_DEPTH - 1)}.*`];

const BAD_STARS: [text: string, position: number][] = [
  ['**', 1],
  ['*a', 1],
  ['*.a', 1],
  ['*.*', 1],
  ['*.', 1],
  ['a*', 2],
  ['a.*b', 3],
  ['a.b*', 4],
  ['a.*.b', 3],
  ['a.**', 3],
  ['a.*.', 3],
  ['a.*.*', 3],
];

describe('tags', () => {
  it.each([...GOOD])('%j is a tag', (text) => {
    expect(problemOf(() => checkTag(text))).toBeUndefined();
  });

  it.each(BAD)('%j is not a tag', (text, says) => {
    const problem = problemOf(() => checkTag(text));
    expect(problem?.message).toMatch(says);
    expect(problem?.message).toMatch(/^tag: /);
    expect(problem).toMatchObject({ code: 'push.tag-invalid', status: 400, details: [{ field: 'tag' }] });
  });

  it.each([...GOOD_WILDCARDS, ...BAD_STARS.map(([text]) => text)])(
    '%j is not a tag: only filters have stars',
    (text) => {
      const star = text.indexOf('*') + 1;
      expect(problemOf(() => checkTag(text))?.message).toMatch(
        new RegExp(`'\\*' at position ${star} is not allowed.*only filters have '\\*'`),
      );
    },
  );
});

describe('filters', () => {
  it.each([...GOOD, ...GOOD_WILDCARDS])('%j is a filter', (text) => {
    expect(problemOf(() => checkFilter(text))).toBeUndefined();
  });

  it.each(BAD)('%j is not a filter', (text, says) => {
    const problem = problemOf(() => checkFilter(text));
    expect(problem?.message).toMatch(says);
    expect(problem?.message).toMatch(/^filter: /);
    expect(problem).toMatchObject({ code: 'push.filter-invalid', status: 400, details: [{ field: 'filter' }] });
  });

  it.each(BAD_STARS)('%j is not a filter: the star at %d is misplaced', (text, position) => {
    expect(problemOf(() => checkFilter(text))?.message).toMatch(
      `'*' at position ${position} must stand alone or come last`,
    );
  });

  it('counts its star as a part', () => {
    expect(problemOf(() => checkFilter(`${deep(TAG_MAX_DEPTH)}.*`))?.message).toMatch(/33 parts/);
  });
});

it('allows exactly English letters, digits and underscore, of all characters of the basic plane', () => {
  const allowed: string[] = [];
  for (let code = 0; code <= 0xffff; code += 1) {
    const character = String.fromCharCode(code);
    if (problemOf(() => checkTag(`a${character}b`)) === undefined) allowed.push(character);
  }
  expect(allowed.join('')).toBe('.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz');
});

it("is an error of the Notification API, with the original's class name", () => {
  const problem = problemOf(() => checkTag(''));
  expect(problem).toBeInstanceOf(PushError);
  expect(problem?.exception).toBe('com.genesyslab.gsg.services.notification.InvalidRequestException');
});
