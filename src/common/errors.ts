/**
 * The base of every error that this service throws on purpose.
 *
 * `code` is stable and machine-readable (`interaction.conflict`), `message` is for a person and gives the value, the
 * limit and the way out, `cause` keeps the original. Errors that reach an HTTP caller also say which status they are.
 */
export abstract class GatewayError extends Error {
  /** Stable, dotted, lower case; part of the public contract where it reaches a caller. */
  abstract readonly code: string;
  /** HTTP status this becomes when it reaches a caller; 500 unless a subclass says otherwise. */
  readonly status: number = 500;
  /** What a caller is told in place of `message`, where that says more than he may know. */
  readonly publicMessage: string | undefined = undefined;
  /** Further facts for the caller, e.g. one entry per bad field. Never a secret. */
  readonly details: unknown = undefined;
  /** Whether the log has been told already, for all who meet it: they say so at debug. */
  told = false;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** How far a chain of causes is followed; a longer one is a loop. */
const MAX_CAUSES = 5;

/** Whether the log has been told of this, or of what caused it. */
export function isTold(thrown: unknown): boolean {
  let error = thrown;
  for (let depth = 0; depth < MAX_CAUSES && error instanceof Error; depth++, error = error.cause) {
    if (error instanceof GatewayError && error.told) return true;
  }
  return false;
}

/** Whatever was thrown, as an `Error`: JavaScript lets code throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
