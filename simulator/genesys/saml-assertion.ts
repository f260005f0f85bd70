import { DOMParser, type Document, type Element, onErrorStopParsing } from '@xmldom/xmldom';
import { SignedXml } from 'xml-crypto';
import { OAuthRefusal } from './oauth-refusal.js';
import type { GenesysOptions } from './options.js';

const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

/**
 * Checks an assertion as it came in the form: base64, standard or url-safe (docs/wire-facts.md §1.3), of XML that holds a SAML 2 assertion.
 * With a certificate its signature, times and audience are checked too. Throws OAuthRefusal.
 */
export function checkAssertion(encoded: string | undefined, options: GenesysOptions, now: number): void {
  if (!encoded) throw new OAuthRefusal('invalid_request', 'The parameter assertion is missing.');
  const document = parse(decode(encoded));
  if (options.samlCertificate === undefined) {
    assertionIn(document);
    return;
  }
  // Only what was signed is looked at: an attacker may put anything around it (signature wrapping).
  const assertion = assertionIn(parse(signedPart(document, decode(encoded), options.samlCertificate)));
  checkConditions(assertion, options.samlAudience, now);
  checkSubject(assertion, now);
}

function decode(encoded: string): string {
  if (!/^[A-Za-z0-9+/_\s-]+={0,2}\s*$/.test(encoded)) throw invalid('The assertion is not base64.');
  return Buffer.from(encoded.replaceAll('-', '+').replaceAll('_', '/'), 'base64').toString('utf8');
}

function parse(xml: string): Document {
  try {
    return new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, 'text/xml');
  } catch (cause) {
    throw invalid('The assertion is not XML.', cause);
  }
}

/** The document is an assertion or a response that holds exactly one. */
function assertionIn(document: Document): Element {
  const found = [...document.getElementsByTagNameNS(SAML, 'Assertion')];
  const [assertion] = found;
  if (!assertion || found.length > 1) throw invalid(`The XML holds ${found.length} SAML 2 assertions.`);
  return assertion;
}

/**
 * The canonical text of what is signed: the assertion's where it has a signature of its own, else the response's. Identity
 * providers sign one of them, or both; each signature has to hold over the element that it stands in.
 */
function signedPart(document: Document, xml: string, certificate: string): string {
  const signatures = [...document.getElementsByTagNameNS(DSIG, 'Signature')];
  if (signatures.length === 0 || signatures.length > 2)
    throw invalid(`The assertion has ${signatures.length} signatures.`);
  const parts = new Map(
    signatures.map((signature) => [signature.parentNode?.localName, signedBy(signature, xml, certificate)]),
  );
  const part = parts.get('Assertion') ?? parts.get('Response');
  if (part === undefined || parts.size < signatures.length) throw invalid('A signature stands where none belongs.');
  return part;
}

/** The canonical text of the one element that this signature covers: the one that it stands in. */
function signedBy(signature: Element, xml: string, certificate: string): string {
  // The key comes from the organisation's settings; a key inside the message proves nothing.
  const verifier = new SignedXml({ publicCert: certificate, getCertFromKeyInfo: () => null });
  try {
    verifier.loadSignature(signature);
    if (!verifier.checkSignature(xml)) throw invalid('The signature of the assertion is not valid.');
  } catch (cause) {
    throw cause instanceof OAuthRefusal ? cause : invalid('The signature of the assertion is not valid.', cause);
  }
  const [signed, ...more] = verifier.getSignedReferences();
  if (signed === undefined || more.length > 0) throw invalid('The signature covers more or less than one element.');
  const covered = parse(signed).documentElement;
  const around = signature.parentNode as Element | null;
  if (covered?.getAttribute('ID') !== around?.getAttribute('ID')) {
    throw invalid('The signature covers another element than the one that it stands in.');
  }
  return signed;
}

function checkConditions(assertion: Element, audience: string | undefined, now: number): void {
  const conditions = child(assertion, 'Conditions');
  if (!conditions) throw invalid('The assertion has no Conditions.');
  checkWindow(conditions, now);
  const audiences = [...conditions.getElementsByTagNameNS(SAML, 'Audience')].map((element) =>
    element.textContent?.trim(),
  );
  if (audience !== undefined && !audiences.includes(audience)) throw invalid('The assertion is for another audience.');
}

function checkSubject(assertion: Element, now: number): void {
  const subject = child(assertion, 'Subject');
  if (!subject || !child(subject, 'NameID')?.textContent?.trim()) throw invalid('The assertion names no subject.');
  const bearer = [...subject.getElementsByTagNameNS(SAML, 'SubjectConfirmation')].filter(
    (confirmation) => confirmation.getAttribute('Method') === 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
  );
  const data = bearer[0] && child(bearer[0], 'SubjectConfirmationData');
  // RFC 7522 §3: a bearer confirmation with an end is required when the Conditions have none; here it is checked when present.
  if (bearer.length === 0) throw invalid('The assertion has no bearer confirmation.');
  if (data) checkWindow(data, now);
}

/** One minute of grace for clocks that differ. */
const SKEW_MS = 60_000;

function checkWindow(element: Element, now: number): void {
  const notBefore = timeOf(element, 'NotBefore');
  const notOnOrAfter = timeOf(element, 'NotOnOrAfter');
  if (notBefore !== undefined && now + SKEW_MS < notBefore) throw invalid('The assertion is not valid yet.');
  if (notOnOrAfter !== undefined && now - SKEW_MS >= notOnOrAfter) throw invalid('The assertion has expired.');
}

function timeOf(element: Element, attribute: string): number | undefined {
  const text = element.getAttribute(attribute);
  if (!text) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw invalid(`${attribute} of the assertion is no time.`);
  return time;
}

function child(parent: Element, name: string): Element | undefined {
  return [...parent.getElementsByTagNameNS(SAML, name)].find((element) => element.parentNode === parent);
}

function invalid(message: string, cause?: unknown): OAuthRefusal {
  const refusal = new OAuthRefusal('invalid_grant', message);
  refusal.cause = cause;
  return refusal;
}
