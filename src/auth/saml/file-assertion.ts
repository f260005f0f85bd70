import { readFile } from 'node:fs/promises';
import { asError } from '../../common/errors.js';
import { AssertionError } from '../auth.errors.js';
import type { Assertion, AssertionSource } from './assertion-source.js';

/** A signed response with a certificate chain is some 20 KB; a megabyte is a wrong file. */
const MAX_BYTES = 1024 * 1024;

/** Plain and url-safe base64: identity providers write either. */
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

const VARIABLE = 'GENESYS_SAML_ASSERTION_FILE';

/**
 * The assertion that somebody else keeps up to date in a file, as XML or as base64. Read anew for each token, since an
 * assertion lives for minutes and whoever renews it replaces the file.
 */
export class FileAssertion implements AssertionSource {
  constructor(private readonly file: string) {}

  async assertion(): Promise<Assertion> {
    const bytes = await this.read();
    if (bytes.length > MAX_BYTES) throw this.bad(`has ${bytes.length} bytes; at most ${MAX_BYTES} are read`);
    const text = bytes
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .trim();
    if (text === '') throw this.bad('is empty; it has to hold the SAML assertion, as XML or base64');
    const encoded = text.startsWith('<') ? Buffer.from(text, 'utf8').toString('base64') : text.replace(/\s+/g, '');
    if (!BASE64.test(encoded)) throw this.bad('holds neither XML (it does not begin with "<") nor base64');
    const hint = this.expiryHint(encoded);
    return { encoded, ...(hint === undefined ? {} : { hint }) };
  }

  private async read(): Promise<Buffer> {
    try {
      return await readFile(this.file);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new AssertionError(`${VARIABLE}: cannot read ${this.file} (${code ?? 'unknown reason'}).`, {
        cause: asError(error),
      });
    }
  }

  /** Only said beside a refusal by Genesys: our clock may be the wrong one. */
  private expiryHint(encoded: string): string | undefined {
    const xml = Buffer.from(encoded, 'base64').toString('utf8');
    const conditions = /<(?:[\w.-]+:)?Conditions\b[^>]*>/.exec(xml)?.[0] ?? '';
    const until = /\bNotOnOrAfter\s*=\s*["']([^"']{1,40})["']/.exec(conditions)?.[1];
    const at = until === undefined ? NaN : Date.parse(until);
    if (Number.isNaN(at) || at > Date.now()) return undefined;
    return `The assertion in ${this.file} expired at ${new Date(at).toISOString()}: put a new one there.`;
  }

  private bad(problem: string): AssertionError {
    return new AssertionError(`${VARIABLE}: ${this.file} ${problem}.`);
  }
}
