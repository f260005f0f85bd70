/** Longest `gms_user`. */
const MAX_LENGTH = 256;

/** What is wrong with the name of a comet user; undefined when nothing is. The name itself is not repeated. */
export function problemOfUser(user: unknown): string | undefined {
  if (user === undefined || user === '') return 'is missing';
  if (typeof user !== 'string') return 'must be a string';
  if (user.length > MAX_LENGTH) return `has ${String(user.length)} characters; the limit is ${String(MAX_LENGTH)}`;
  if (/\p{Cc}/u.test(user)) return 'has control characters';
  return undefined;
}

/** The header that names the user of a request; undefined when absent. */
export function gmsUserIn(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const value = headers['gms_user'];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
