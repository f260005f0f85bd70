/** What a terminal could take for a command, or for another direction of writing. */
const UNPRINTABLE = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const PLAIN = /^[\w.:@+/-]+$/;
/** They tell a reader least: at the end they are the first to be cut off. */
const LAST = /Id$|^provider$/;

/**
 * `time conversation type fields` of one event, on one line that is safe to print: customers wrote some of it. What is empty
 * or took no time is left out.
 * @param columns where the line is cut; absent: nowhere
 */
export function eventLine(data: Readonly<Record<string, unknown>>, columns = Infinity): string {
  const { timestamp, conversationId, eventType, ...fields } = data;
  const telling = Object.entries(fields).filter(([name, value]) => !isEmpty(name, value) && !isTime(name, value, data));
  const ordered = [...telling.filter(([name]) => !LAST.test(name)), ...telling.filter(([name]) => LAST.test(name))];
  const shown = ordered.map(([name, value]) => `${name}=${valueText(value)}`);
  const line = [String(timestamp), String(conversationId), String(eventType).padEnd(15), ...shown].join(' ');
  return cut(safe(line.trimEnd()), columns);
}

/** The same line of any text. */
export function safe(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function valueText(value: unknown): string {
  return typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
}

function isEmpty(name: string, value: unknown): boolean {
  if (value === 0) return name.endsWith('DurationMs');
  if (typeof value === 'object') return value === null || Object.keys(value).length === 0;
  return value === '';
}

/** The line begins with it already. */
function isTime(name: string, value: unknown, { timestamp }: Readonly<Record<string, unknown>>): boolean {
  return name === 'eventTime' && Date.parse(String(timestamp)) === value;
}

function cut(line: string, columns: number): string {
  const characters = [...line];
  return characters.length <= columns ? line : `${characters.slice(0, columns - 1).join('')}…`;
}
