import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { asError } from '../../common/errors.js';
import { AssertionError } from '../auth.errors.js';

export interface SigningPair {
  /** PEM. */
  privateKey: string;
  /** PEM. */
  certificate: string;
}

const KEY = 'GENESYS_SAML_KEY_FILE';
const CERT = 'GENESYS_SAML_CERT_FILE';

/**
 * Key and certificate that sign assertions, read and checked together.
 * @throws AssertionError when one is unreadable, not RSA, expired or not valid yet, or when they are not a pair.
 */
export async function readSigningPair(keyFile: string, certFile: string, now: number): Promise<SigningPair> {
  const [privateKey, pem] = await Promise.all([readText(KEY, keyFile), readText(CERT, certFile)]);
  const key = parsed(
    () => createPrivateKey(privateKey),
    `${KEY}: ${keyFile} is not a private key in PEM without a passphrase`,
  );
  const cert = parsed(() => new X509Certificate(pem), `${CERT}: ${certFile} is not an X.509 certificate in PEM`);
  check(key, cert, { keyFile, certFile }, now);
  // Without what else the file may hold (a chain, a comment): Genesys compares with the one certificate it was given.
  return { privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate: cert.toString() };
}

function check(key: KeyObject, cert: X509Certificate, files: { keyFile: string; certFile: string }, now: number): void {
  if (key.asymmetricKeyType !== 'rsa') {
    throw new AssertionError(
      `${KEY}: ${files.keyFile} holds a key of type ${key.asymmetricKeyType ?? 'unknown'}; RSA is needed.`,
    );
  }
  if (!cert.checkPrivateKey(key)) {
    throw new AssertionError(
      `${CERT}: the certificate in ${files.certFile} does not belong to the key in ${files.keyFile}.`,
    );
  }
  const [from, to] = [Date.parse(cert.validFrom), Date.parse(cert.validTo)];
  if (now >= to)
    throw new AssertionError(`${CERT}: the certificate in ${files.certFile} expired at ${new Date(to).toISOString()}.`);
  if (now < from)
    throw new AssertionError(
      `${CERT}: the certificate in ${files.certFile} is valid from ${new Date(from).toISOString()} on.`,
    );
}

async function readText(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AssertionError(`${variable}: cannot read ${file} (${code ?? 'unknown reason'}).`, {
      cause: asError(error),
    });
  }
}

function parsed<T>(parse: () => T, problem: string): T {
  try {
    return parse();
  } catch (error) {
    throw new AssertionError(`${problem}.`, { cause: asError(error) });
  }
}
