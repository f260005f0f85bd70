/** Largest request body; contract §2. The largest valid interaction is about 25 KB. */
export const BODY_LIMIT_BYTES = 256 * 1024;

/** How long a request may take to arrive, headers and body; after it Node.js answers 408. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Longer than the 60 s of the usual load balancers, so that they and not we close an idle connection. */
export const KEEP_ALIVE_MS = 72_000;
