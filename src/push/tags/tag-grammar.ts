import { PushSyntaxError } from './tag.errors.js';

/** Longest tag or filter, in characters. The original names no limit; 1,000,000 filters must stay within memory. */
export const TAG_MAX_LENGTH = 256;
/** Most parts between dots: matching asks the index once for each. */
export const TAG_MAX_DEPTH = 32;

type Kind = 'tag' | 'filter';

const PART_CHARACTER = /^[A-Za-z0-9_]$/;

/**
 * Checks the tag of an event: English letters, digits and underscores in parts divided by dots, like the name of a Java
 * package, except that a part may begin with a digit (Notification API, "Filters and Tags").
 *
 * @throws PushSyntaxError naming the first character that does not fit and its position (from 1)
 */
export function checkTag(text: string): void {
  check('tag', text);
}

/**
 * Checks the filter of a subscription: a tag, or a tag's beginning and `.*`, or `*` alone.
 *
 * @throws PushSyntaxError naming the first character that does not fit and its position (from 1)
 */
export function checkFilter(text: string): void {
  if (text !== '*') check('filter', text);
}

function check(kind: Kind, text: string): void {
  checkSize(kind, text);
  let depth = 1;
  let partBegins = true;
  let position = 0;
  // By code point, so that a character outside the basic plane is named whole.
  for (const character of text) {
    position += 1;
    if (character === '.') {
      if (partBegins) throw emptyPart(kind, position);
      depth += 1;
      partBegins = true;
    } else if (kind === 'filter' && character === '*') {
      checkStar(text, position, partBegins);
      partBegins = false;
    } else if (PART_CHARACTER.test(character)) {
      partBegins = false;
    } else {
      throw badCharacter(kind, character, position);
    }
  }
  if (partBegins)
    throw new PushSyntaxError(kind, `'.' at position ${position} is the last character; a name must follow`);
  if (depth > TAG_MAX_DEPTH) {
    throw new PushSyntaxError(kind, `has ${depth} parts between dots; at most ${TAG_MAX_DEPTH} are allowed`);
  }
}

function checkSize(kind: Kind, text: string): void {
  if (text === '')
    throw new PushSyntaxError(kind, `must not be empty${kind === 'filter' ? `; '*' alone means all events` : ''}`);
  if (text.length > TAG_MAX_LENGTH) {
    throw new PushSyntaxError(kind, `has ${text.length} characters; at most ${TAG_MAX_LENGTH} are allowed`);
  }
}

function checkStar(text: string, position: number, partBegins: boolean): void {
  if (partBegins && position === text.length) return;
  throw new PushSyntaxError('filter', `'*' at position ${position} must stand alone or come last, after a dot (ors.*)`);
}

function emptyPart(kind: Kind, position: number): PushSyntaxError {
  const where = position === 1 ? 'is the first character' : 'follows another dot';
  return new PushSyntaxError(kind, `'.' at position ${position} ${where}; a name must stand before each dot`);
}

function badCharacter(kind: Kind, character: string, position: number): PushSyntaxError {
  const codePoint = character.codePointAt(0) ?? 0;
  const visible = /^[\x20-\x7e]$/.test(character)
    ? `'${character}'`
    : `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  const star = kind === 'filter' ? `, and '*' last` : character === '*' ? `; only filters have '*'` : '';
  return new PushSyntaxError(
    kind,
    `${visible} at position ${position} is not allowed: English letters, digits, '_' and '.' are${star}`,
  );
}
