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
    super(details.map(({ field, message }) => `${field} ${message}`).join('; '));
  }
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
      given === undefined || given === '' ? 'The body has no Content-Type' : `Content-Type "${given}" is not taken`;
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

/** Longest path that is repeated in a message. */
const MAX_PATH = 200;

/** Without the query, which may hold what is not for logs. */
function pathOf(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
}
