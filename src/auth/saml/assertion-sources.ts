import type { Grant } from '../../config/config.js';
import { FileAssertion } from './file-assertion.js';
import type { AssertionSource } from './assertion-source.js';
import { SignedAssertion } from './signed-assertion.js';

/** The source that the configuration names; none for a grant that needs no assertion. */
export function assertionSource(grant: Grant, tokenUrl: string): AssertionSource | undefined {
  if (grant.kind !== 'saml2-bearer') return undefined;
  if (grant.assertion.kind === 'file') return new FileAssertion(grant.assertion.file);
  return new SignedAssertion(grant.assertion, { tokenUrl, orgName: grant.orgName });
}
