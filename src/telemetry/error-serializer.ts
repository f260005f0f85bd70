/** How far a chain of causes is followed; a longer one is a loop or tells nothing new. */
const MAX_CAUSES = 5;

export interface LoggedError {
  type: string;
  message: string;
  code?: string | number;
  status?: number;
  stack?: string;
  cause?: LoggedError | string;
}

/**
 * An error as it may be logged: name, message, code, status, stack and causes, and nothing else. HTTP clients hang the
 * whole request on their errors, with the Authorization header and the body, so that copying every field would log
 * secrets and customers' text.
 */
export function errorForLogs(thrown: unknown): LoggedError | string {
  return describe(thrown, 0);
}

/** The same without stacks: for what is expected to fail at times, where the place in the code tells nothing. */
export function causeForLogs(thrown: unknown): LoggedError | string {
  return withoutStack(errorForLogs(thrown));
}

/** Name and code alone: a database's message may quote the values, which are a customer's. */
export function kindForLogs(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown;
  const { name, code } = thrown as Error & { code?: unknown };
  return typeof code === 'string' && code !== '' ? `${name} ${code}` : name;
}

function withoutStack(logged: LoggedError | string): LoggedError | string {
  if (typeof logged === 'string') return logged;
  const { stack: _, cause, ...rest } = logged;
  return cause === undefined ? rest : { ...rest, cause: withoutStack(cause) };
}

function describe(thrown: unknown, depth: number): LoggedError | string {
  if (typeof thrown === 'string') return thrown;
  if (!(thrown instanceof Error)) return `a thrown ${typeof thrown}`;
  const { code, status } = thrown as Error & { code?: unknown; status?: unknown };
  const logged: LoggedError = { type: thrown.name, message: thrown.message };
  if (typeof code === 'string' || typeof code === 'number') logged.code = code;
  if (typeof status === 'number') logged.status = status;
  if (thrown.stack !== undefined) logged.stack = thrown.stack;
  if (thrown.cause !== undefined && depth < MAX_CAUSES) logged.cause = describe(thrown.cause, depth + 1);
  return logged;
}
