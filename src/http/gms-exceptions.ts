/** Package of the original's exception classes: clients of Genesys Mobile Services read the names (Notification API, errors). */
const PACKAGE = 'com.genesyslab.gsg.services.notification';

/**
 * The original's documentation names only the two not-found exceptions of its subscriptions; what it names for the rest is
 * not published, so these are ours. One per status, so that a client that knows the class knows the kind.
 */
const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'InvalidRequestException',
  401: 'UnauthorizedException',
  403: 'ForbiddenException',
  404: 'NotFoundException',
  405: 'MethodNotAllowedException',
  409: 'ConflictException',
  413: 'RequestTooLargeException',
  414: 'InvalidRequestException',
  415: 'UnsupportedMediaTypeException',
  422: 'InvalidRequestException',
  429: 'LimitExceededException',
  503: 'ServiceUnavailableException',
};

/** Whether a request was for the Notification API, which lives below `/genesys/`. */
export function isNotificationApi(url: string): boolean {
  return url.startsWith('/genesys/');
}

/** The exception's class name: the error's own, otherwise that of its status. */
export function exceptionOf(error: unknown, status: number): string {
  if (error instanceof Error && 'exception' in error && typeof error.exception === 'string') return error.exception;
  return `${PACKAGE}.${BY_STATUS[status] ?? (status < 500 ? 'InvalidRequestException' : 'InternalServerErrorException')}`;
}
