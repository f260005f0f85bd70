import { randomUUID } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import type { AssertionSource as AssertionSettings } from '../../config/config.js';
import type { Assertion, AssertionSource } from './assertion-source.js';
import { assertionXml } from './assertion-xml.js';
import { responseXml } from './response-xml.js';
import { readSigningPair } from './signing-pair.js';
import type { SigningPair } from './signing-pair.js';

type SignedSettings = Extract<AssertionSettings, { kind: 'signed' }>;

const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';

/**
 * The gateway as the organisation's identity provider: makes and signs a fresh assertion for each token, and the response
 * around it. Key and certificate are read each time, so that they can be replaced without a restart.
 */
export class SignedAssertion implements AssertionSource {
  constructor(
    private readonly settings: SignedSettings,
    private readonly target: { tokenUrl: string; orgName: string },
  ) {}

  async assertion(): Promise<Assertion> {
    const now = Date.now();
    const pair = await readSigningPair(this.settings.keyFile, this.settings.certFile, now);
    const { issuer, nameId, audience, recipient = this.target.tokenUrl, envelope } = this.settings;
    const { orgName } = this.target;
    const assertion = sign(
      assertionXml({ id: freshId(), issuedAt: now, issuer, nameId, audience, recipient, orgName }),
      pair,
    );
    const sent =
      envelope === 'assertion'
        ? assertion
        : sign(responseXml({ id: freshId(), issuedAt: now, issuer, destination: recipient, assertion }), pair);
    return { encoded: Buffer.from(sent, 'utf8').toString('base64') };
  }
}

/** An XML ID may not begin with a digit, as a UUID does more often than not. */
function freshId(): string {
  return `_${randomUUID()}`;
}

/** Signs the whole document, with the signature after its issuer, where the SAML schema has its place. */
function sign(unsigned: string, pair: SigningPair): string {
  const signer = new SignedXml({
    privateKey: pair.privateKey,
    publicCert: pair.certificate,
    signatureAlgorithm: RSA_SHA256,
    canonicalizationAlgorithm: EXCLUSIVE_C14N,
  });
  signer.addReference({
    xpath: '/*',
    transforms: [ENVELOPED, EXCLUSIVE_C14N],
    digestAlgorithm: SHA256,
  });
  signer.computeSignature(unsigned, {
    prefix: 'ds',
    location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' },
  });
  return signer.getSignedXml();
}
