import { GatewayError } from '../common/errors.js';

/** What is wrong with one field of a request. */
export interface FieldProblem {
  /** Dotted path, e.g. `attributes.caseId`; `body` for the body itself. */
  field: string;
  message: string;
  /** The value, where it is short and cannot be a customer's text. */
  value?: string | number | boolean;
}

/** A request whose fields are not as documented; every bad field is in `details`. */
export class RequestInvalidError extends GatewayError {
  override readonly code = 'request.invalid';
  override readonly status = 400;

  constructor(override readonly details: readonly FieldProblem[]) {
    super(details.map(sentenceOf).join('; '));
  }
}

/** A value that may be repeated stands in the sentence too, for whoever sees only that. */
function sentenceOf({ field, message, value }: FieldProblem): string {
  const shown = JSON.stringify(value) as string | undefined;
  const told = shown === undefined || message.includes(shown);
  return `${field} ${message}${told ? '' : ` (given: ${shown})`}`;
}

export class MalformedJsonError extends GatewayError {
  override readonly code = 'request.malformed-json';
  override readonly status = 400;
}

export class RequestTooLargeError extends GatewayError {
  override readonly code = 'request.too-large';
  override readonly status = 413;

  constructor(limitBytes: number, options?: { cause?: unknown }) {
    super(`The body is larger than ${String(limitBytes / 1024)} KiB, the limit; send less.`, options);
  }
}

export class MediaTypeError extends GatewayError {
  override readonly code = 'request.media-type';
  override readonly status = 415;

  constructor(given: string | undefined, options?: { cause?: unknown }) {
    const what =
      given === undefined || given === ''
        ? 'The body has no Content-Type'
        : `Content-Type "${cut(given)}" is not taken`;
    super(`${what}; send application/json.`, options);
  }
}

export class NoSuchRouteError extends GatewayError {
  override readonly code = 'request.no-such-route';
  override readonly status = 404;

  constructor(method: string, url: string) {
    super(`There is no ${method} ${pathOf(url)}; /docs lists what there is.`);
  }
}

export class MethodNotAllowedError extends GatewayError {
  override readonly code = 'request.method-not-allowed';
  override readonly status = 405;

  constructor(
    method: string,
    url: string,
    readonly allowed: readonly string[],
  ) {
    super(`${method} is not possible on ${pathOf(url)}; possible: ${allowed.join(', ')}.`);
  }
}

/** The path cannot be decoded. It is not repeated: what it would decode to is unknown. */
export class BadUrlError extends GatewayError {
  override readonly code = 'request.bad-url';
  override readonly status = 400;

  constructor(options?: { cause?: unknown }) {
    super('The path of this request cannot be decoded: "%" must begin an encoded UTF-8 character.', options);
  }
}

export class PathTooLongError extends GatewayError {
  override readonly code = 'request.path-too-long';
  override readonly status = 414;

  constructor(limit: number, options?: { cause?: unknown }) {
    super(`A part of the path is longer than ${String(limit)} characters, the limit; ids are shorter.`, options);
  }
}

/** What arrived is no HTTP request, so that no route could be asked. */
export class MalformedHttpError extends GatewayError {
  override readonly code = 'request.malformed-http';
  override readonly status = 400;

  constructor(options?: { cause?: unknown }) {
    super('What arrived is not a valid HTTP/1.1 request.', options);
  }
}

export class HeadersTooLargeError extends GatewayError {
  override readonly code = 'request.headers-too-large';
  override readonly status = 431;

  constructor(limitBytes: number, options?: { cause?: unknown }) {
    super(`The headers are larger than ${String(limitBytes / 1024)} KiB, the limit; send less.`, options);
  }
}

export class RequestTimeoutError extends GatewayError {
  override readonly code = 'request.timeout';
  override readonly status = 408;

  constructor(limitMs: number, options?: { cause?: unknown }) {
    super(`The request did not arrive within ${String(limitMs / 1000)} s, the limit.`, options);
  }
}

/** Longest text of a caller's that is repeated in a message. */
const MAX_SHOWN = 200;

/** Without the query, which may hold what is not for logs. */
function pathOf(url: string): string {
  return cut(url.split('?', 1)[0] ?? '');
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
