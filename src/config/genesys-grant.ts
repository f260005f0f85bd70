import { resolve } from 'node:path';
import type { AssertionSource, Grant } from './config.js';
import type { ConfigProblem } from './config-error.js';
import { unreadable } from './readable-file.js';
import type { Values } from './variables.js';

/** Those that belong together when the gateway signs its own assertion. */
const SIGNING = [
  'GENESYS_SAML_KEY_FILE',
  'GENESYS_SAML_CERT_FILE',
  'GENESYS_SAML_ISSUER',
  'GENESYS_SAML_NAME_ID',
  'GENESYS_SAML_AUDIENCE',
] as const;

const FILES = ['GENESYS_SAML_ASSERTION_FILE', 'GENESYS_SAML_KEY_FILE', 'GENESYS_SAML_CERT_FILE'] as const;

/** The grant, or undefined after adding to `problems`. The saml2-bearer variables are ignored for client-credentials. */
export function readGrant(values: Values, problems: ConfigProblem[]): Grant | undefined {
  if (values.GENESYS_GRANT === undefined) return undefined;
  if (values.GENESYS_GRANT === 'client-credentials') return { kind: 'client-credentials' };
  const orgName = values.GENESYS_ORG_NAME;
  if (orgName === undefined) {
    problems.push({
      variable: 'GENESYS_ORG_NAME',
      allowed: 'is missing; the grant saml2-bearer needs it (or set GENESYS_GRANT=client-credentials)',
    });
  }
  for (const variable of FILES) {
    const value = values[variable];
    const reason = value === undefined ? undefined : unreadable(value);
    if (value !== undefined && reason !== undefined) {
      problems.push({ variable, value, allowed: `must be a readable file: ${reason}` });
    }
  }
  const assertion = readAssertion(values, problems);
  return orgName === undefined || assertion === undefined ? undefined : { kind: 'saml2-bearer', orgName, assertion };
}

function readAssertion(values: Values, problems: ConfigProblem[]): AssertionSource | undefined {
  const file = values.GENESYS_SAML_ASSERTION_FILE;
  const present = SIGNING.filter((variable) => values[variable] !== undefined);
  if (file !== undefined && present.length > 0) {
    problems.push({
      variable: 'GENESYS_SAML_ASSERTION_FILE',
      value: file,
      allowed: `contradicts ${present.join(', ')}; set the assertion's file or what is needed to sign one, not both`,
    });
    return undefined;
  }
  if (file !== undefined) return { kind: 'file', file: resolve(file) };
  if (present.length === 0) {
    problems.push({
      variable: 'GENESYS_SAML_ASSERTION_FILE',
      allowed: `is missing; the grant saml2-bearer needs it, or all of ${SIGNING.join(', ')}`,
    });
    return undefined;
  }
  return signed(values, problems);
}

function signed(values: Values, problems: ConfigProblem[]): AssertionSource | undefined {
  const {
    GENESYS_SAML_KEY_FILE: keyFile,
    GENESYS_SAML_CERT_FILE: certFile,
    GENESYS_SAML_ISSUER: issuer,
    GENESYS_SAML_NAME_ID: nameId,
    GENESYS_SAML_AUDIENCE: audience,
    GENESYS_SAML_RECIPIENT: recipient,
    GENESYS_SAML_ENVELOPE: envelope,
  } = values;
  if (keyFile && certFile && issuer && nameId && audience && envelope) {
    const files = { keyFile: resolve(keyFile), certFile: resolve(certFile) };
    return { kind: 'signed', ...files, issuer, nameId, audience, recipient, envelope };
  }
  for (const variable of SIGNING) {
    if (values[variable] === undefined) {
      problems.push({ variable, allowed: 'is missing; the gateway needs it to sign its own assertion' });
    }
  }
  return undefined;
}
