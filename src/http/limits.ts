/** Largest request body (docs/notification-api.md, Limits). The largest valid interaction is about 25 KB. */
export const BODY_LIMIT_BYTES = 256 * 1024;

/** Longer than the 60 s of the usual load balancers, so that they and not we close an idle connection. */
export const KEEP_ALIVE_MS = 72_000;

/** Longest part of a path that is a parameter: a push subscriber's id has up to 256 characters, each up to 3 when it is a %2F. */
export const MAX_PARAMETER_LENGTH = 768;
