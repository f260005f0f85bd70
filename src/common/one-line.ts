/** A text of somebody else on one line, without control characters: PostgreSQL stores no U+0000, and a log line is a line. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
