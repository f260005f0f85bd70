/** How long a client waits before it connects again, in milliseconds; the `retry:` field. */
const RETRY_MS = 3_000;

/** The first thing on every stream: makes the headers go out at once. */
export const SSE_OPENING = `: conversation events\nretry: ${RETRY_MS}\n\n`;
export const SSE_HEARTBEAT = ': heartbeat\n\n';

/**
 * One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html). JSON has no raw line breaks,
 * and those in the other fields are taken out: a line break would begin a field of its own.
 */
export function sseText(event: string, data: unknown, id?: string): string {
  const idLine = id === undefined ? '' : `id: ${oneLine(id)}\n`;
  return `${idLine}event: ${oneLine(event)}\ndata: ${JSON.stringify(data)}\n\n`;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, ' ');
}
