import { randomUUID } from 'node:crypto';

/** Why the platform refuses: HTTP status and the `code` of its ErrorBody (docs/wire-facts.md §2.3). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
    readonly limit?: { key: string; value: number },
  ) {
    super(message);
    this.name = 'Refusal';
  }

  static notFound(): Refusal {
    return new Refusal(404, 'not.found', 'The requested resource was not found.');
  }

  static rateLimited(retryAfterS: number, limit?: { key: string; value: number }): Refusal {
    const message = `Rate limit exceeded the maximum. Retry the request in [${retryAfterS}] seconds`;
    return new Refusal(429, 'too.many.requests.retry.after', message, { 'retry-after': String(retryAfterS) }, limit);
  }

  /** For faults: the code that the service uses with this status. */
  static withStatus(status: number, retryAfterS?: number): Refusal {
    if (status === 429) return Refusal.rateLimited(retryAfterS ?? 1);
    const [code, message] = knownCodes[status] ?? ['unknown.error', `The service answered ${status}.`];
    return new Refusal(status, code, message, retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) });
  }

  /** The platform's ErrorBody (docs/wire-facts.md §2.4); `contextId` is the ININ-Correlation-Id. */
  body(contextId: string = randomUUID()): Record<string, unknown> {
    return {
      message: this.message,
      code: this.code,
      status: this.status,
      messageWithParams: this.message,
      messageParams: {},
      contextId,
      details: [],
      errors: [],
      ...(this.limit && { limit: this.limit }),
    };
  }
}

const knownCodes: Record<number, [code: string, message: string]> = {
  400: ['bad.request', 'The request could not be understood by the server due to malformed syntax.'],
  401: ['bad.credentials', 'Invalid login credentials.'],
  403: ['missing.permissions', 'Unable to perform the requested action. You are missing the required permission(s).'],
  404: ['not.found', 'The requested resource was not found.'],
  408: ['request.timeout', 'The client did not produce a request within the server timeout limit.'],
  409: ['general.conflict', 'The request conflicts with the current state of the target resource.'],
  413: ['request.entity.too.large', 'The request is over the size limit.'],
  415: [
    'unsupported.media.type',
    'Unsupported Media Type - Unsupported or incorrect media type, such as an incorrect Content-Type value in the header.',
  ],
  500: [
    'internal.server.error',
    'The server encountered an unexpected condition which prevented it from fulfilling the request.',
  ],
  502: ['bad.gateway', 'Bad gateway.'],
  503: [
    'service.unavailable',
    'Service Unavailable - The server is currently unavailable (because it is overloaded or down for maintenance).',
  ],
  504: ['request.timeout', 'The request timed out.'],
};
