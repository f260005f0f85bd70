/** What a terminal could take for a command, or for another direction of writing. */
const UNPRINTABLE = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const PLAIN = /^[\w.:@+/-]+$/;

/** `time conversation type fields` of one event, on one line that is safe to print: customers wrote some of it. */
export function eventLine(data: Readonly<Record<string, unknown>>): string {
  const { timestamp, conversationId, eventType, ...fields } = data;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`);
  return safe([String(timestamp), String(conversationId), String(eventType).padEnd(15), ...shown].join(' ').trimEnd());
}

/** The same line of any text. */
export function safe(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function valueText(value: unknown): string {
  return typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
}
