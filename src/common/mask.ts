/** What stands where something is not shown. */
export const MASKED = '***';

/** What is a secret by its form, whoever wrote it. Each is bounded, so that no text makes them slow. */
const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}-----|$)/g, MASKED],
  [/\b(Bearer|Basic|Negotiate)(\s+|%20)[\w.~+/=-]{6,}/gi, `$1 ${MASKED}`],
  [/\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, MASKED],
  [/\/\/[^\s/@"]{1,200}@/g, `//${MASKED}@`],
  [
    /([\w-]{0,32}(?:authorization|token|secret|passw(?:or)?d|api[-_]?key|cookie|signature|credentials?)[\w-]{0,32}["']?\s{0,4}[:=]\s{0,4})(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"',;&}]+)/gi,
    `$1"${MASKED}"`,
  ],
];

/** A text of somebody else without the secrets that are known to us, and without what looks like one. */
export function withoutSecrets(text: string, known: readonly string[]): string {
  let rest = text;
  for (const secret of known) if (secret !== '') rest = rest.replaceAll(secret, MASKED);
  for (const [form, instead] of SECRETS) rest = rest.replace(form, instead);
  return rest;
}

/** Names under which programs give each other codes; what stands under others may be of a customer. */
const CODES = /^(code|error|errorCode|error_code|status|statusCode|type|field|path)$/i;
const CODE = /^[\w.:/-]{1,64}$/;
/** A line of a log, not a document. */
const MAX_SHAPE = 300;

/**
 * What may be seen of an answer without seeing a customer: the shape of its JSON with what reads like codes. Anything else
 * may be an echo of what was sent.
 */
export function shapeOf(answer: string): string {
  let json: unknown;
  try {
    json = JSON.parse(answer);
  } catch {
    // Not JSON, or cut off: a text of any kind.
    return `${MASKED} (${String(answer.length)} characters)`;
  }
  return JSON.stringify(shaped(json)).slice(0, MAX_SHAPE);
}

function shaped(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.slice(0, 5).map((each) => shaped(each, name));
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value).slice(0, 20);
    return Object.fromEntries(fields.map(([key, each]) => [CODE.test(key) ? key : MASKED, shaped(each, key)]));
  }
  if (value === null || typeof value === 'boolean') return value;
  const readable = typeof value === 'string' || typeof value === 'number';
  return readable && CODES.test(name) && CODE.test(String(value)) ? value : MASKED;
}
