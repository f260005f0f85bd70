/**
 * What encoders write for a character: percent-encoding, the escapes of JSON and JavaScript, HTML's references, and the plus of
 * a form. Each takes what an encoding within another one has put before it (`%252F`, `\\/`, `&amp;#61;`) along.
 */
const REFERENCES: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  bsol: '\\',
  colon: ':',
  comma: ',',
  commat: '@',
  dollar: '$',
  equals: '=',
  gt: '>',
  lowbar: '_',
  lt: '<',
  num: '#',
  percnt: '%',
  period: '.',
  plus: '+',
  quot: '"',
  semi: ';',
  sol: '/',
};
const NAMES = Object.keys(REFERENCES).join('|');
const ESCAPE = new RegExp(
  String.raw`((?:%(?:25)*[\da-f]{2})+)|\\+(?:u([\da-f]{4})|x([\da-f]{2})|(["'/]))?|` +
    String.raw`&(?:amp;)*(?:#(\d{1,7})|#x([\da-f]{1,6})|(${NAMES}));|\+`,
  'gi',
);
const BYTE = /%(?:25)*([\da-f]{2})/gi;
/** The beginning of an escape whose rest is missing. Bytes from 80 on may belong to a character that is not whole. */
const CUT_ESCAPE =
  /(?:%(?:25)*[89a-f][\da-f])*(?:%(?:25)*[\da-f]?|\\+(?:u[\da-f]{0,3}|x[\da-f]?)?|&(?:amp;)*#?\w{0,7})?$/i;
/** Longer than any beginning of an escape that comes from an encoder. */
const CUT_WITHIN = 64;

/** Encodings in one another that are undone, one kind in another; more of the same kind are undone at once. */
const MAX_ROUNDS = 4;
/** In base64 shorter ones cannot be told from other text. */
const MIN_BASE64_BYTES = 6;

/** A text as it is meant, whichever way it is written. Spaces and plus signs are all spaces: a form's query writes them alike. */
export interface Reading {
  readonly text: string;
  /** Where each of its characters begins in what is written. */
  readonly from: readonly number[];
  /** Where it ends there. */
  readonly to: readonly number[];
}

export function readingOf(written: string): Reading {
  const places = Array.from({ length: written.length }, (_, at) => at);
  let reading: Reading = { text: written, from: places, to: places.map((at) => at + 1) };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = decoded(reading);
    if (next.text === reading.text) break;
    reading = next;
  }
  return reading;
}

/**
 * What to look for in a `Reading` to find these secrets: each as it is meant, and within base64, where its characters depend
 * on how many bytes stand before it.
 */
export function tracesOf(secrets: readonly string[]): readonly string[] {
  const all = secrets.flatMap((secret) => [secret, ...base64Of(Buffer.from(secret))]);
  return [...new Set(all.map((each) => readingOf(each).text))].filter((text) => text.trim() !== '');
}

/** Without an escape at its end whose rest was cut off. */
export function withoutCutEscape(text: string): string {
  const tail = Math.max(0, text.length - CUT_WITHIN);
  return text.slice(0, tail) + text.slice(tail).replace(CUT_ESCAPE, '');
}

function decoded({ text, from, to }: Reading): Reading {
  let meant = '';
  const begins: number[] = [];
  const ends: number[] = [];
  const add = (characters: string, placeOf: (index: number) => [first: number, last: number]): void => {
    for (let index = 0; index < characters.length; index++) {
      const [first, last] = placeOf(index);
      begins.push(from[first] ?? 0);
      ends.push(to[last] ?? 0);
    }
    meant += characters;
  };
  let at = 0;
  const copyTo = (end: number): void => {
    const start = at;
    add(text.slice(start, end), (index) => [start + index, start + index]);
  };
  for (const escape of text.matchAll(ESCAPE)) {
    const { index } = escape;
    copyTo(index);
    at = index + escape[0].length;
    const last = at - 1;
    add(meaningOf(escape), () => [index, last]);
  }
  copyTo(text.length);
  return { text: meant, from: begins, to: ends };
}

function meaningOf(escape: RegExpExecArray): string {
  const [written, bytes, u, x, itself, decimal, hex, name] = escape;
  if (bytes !== undefined) {
    return Buffer.from([...bytes.matchAll(BYTE)].map(([, byte = '']) => parseInt(byte, 16))).toString('utf8');
  }
  if (itself !== undefined) return itself;
  if (name !== undefined) return REFERENCES[name.toLowerCase()] ?? written;
  const code = decimal === undefined ? parseInt(u ?? x ?? hex ?? '', 16) : Number(decimal);
  if (Number.isNaN(code)) return written === '+' ? ' ' : '\\';
  // A half of a surrogate pair stands alone here, and has its other half behind it.
  return code <= 0x10ffff ? String.fromCodePoint(code) : written;
}

/** The characters that nothing but the secret decides, for each of the three ways in which its bytes can fall. */
function base64Of(secret: Buffer): string[] {
  if (secret.length < MIN_BASE64_BYTES) return [];
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), secret]);
    const [first, end] = [Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6)];
    return [bytes.toString('base64').slice(first, end), bytes.toString('base64url').slice(first, end)];
  });
}
