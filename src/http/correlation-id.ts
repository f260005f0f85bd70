import type { IncomingHttpHeaders } from 'node:http';

/** At most 128 printable characters without spaces. Anything else is ignored: what helps to search must not refuse an intake. */
const CORRELATION_ID = /^[!-~]{1,128}$/;
/** W3C Trace Context: version, trace, parent, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's `X-Correlation-Id`, else its `traceparent`; undefined when neither is there and usable. */
export function givenCorrelationId(headers: IncomingHttpHeaders): string | undefined {
  const [id, trace] = [headers['x-correlation-id'], headers['traceparent']];
  if (typeof id === 'string' && CORRELATION_ID.test(id)) return id;
  return typeof trace === 'string' && TRACEPARENT.test(trace) ? trace : undefined;
}
