import type { FastifyInstance } from 'fastify';
import { BODY_LIMIT_BYTES } from './limits.js';
import { MalformedJsonError } from './request.errors.js';

/**
 * Makes `application/json` the only body there is. Takes an empty one as none (clients send the header on a DELETE too);
 * refuses what is not UTF-8 instead of replacing it, and refuses `__proto__` and `constructor.prototype` keys.
 */
export function acceptOnlyJson(instance: FastifyInstance): void {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const parse = instance.getDefaultJsonParser('error', 'error');
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      if (body.length === 0) {
        done(null, undefined);
        return;
      }
      let text: string;
      try {
        text = utf8.decode(body);
      } catch (cause) {
        done(new MalformedJsonError('The body is not UTF-8.', { cause }));
        return;
      }
      void parse(request, text, (error, value) => {
        if (error === null) done(null, value);
        else done(new MalformedJsonError(reasonOf(text), { cause: error }));
      });
    },
  );
}

/** The parser says the same of every body that it refuses, so what is valid JSON was refused for its keys. */
function reasonOf(text: string): string {
  try {
    JSON.parse(text);
    return 'The body has a key "__proto__", or a "prototype" inside a "constructor"; neither is allowed.';
  } catch {
    return 'The body is not valid JSON.';
  }
}
