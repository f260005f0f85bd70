import { xml } from './xml-text.js';

export interface AssertionFacts {
  /** XML ID: fresh for each assertion, not beginning with a digit. */
  id: string;
  /** Epoch ms. */
  issuedAt: number;
  issuer: string;
  nameId: string;
  audience: string;
  /** Whom it is for: the token endpoint, as RFC 7522 §3 wants it, or what the organisation's single sign-on is told. */
  recipient: string;
  orgName: string;
}

/** Clocks may differ; Genesys tolerates 10 s between itself and an identity provider. */
const SKEW_MS = 60_000;
const LIFE_MS = 5 * 60_000;

const SAML = 'urn:oasis:names:tc:SAML:2.0';
const EMAIL = /^[^\s@]+@[^\s@]+$/;

/**
 * The unsigned assertion, as RFC 7522 §3 has it: Issuer, bearer confirmation for the token endpoint, audience, validity, authentication statement.
 *
 * The attributes are those that Genesys Cloud's single sign-on acts on ("Add a generic single sign-on provider" in its
 * resource centre): `OrganizationName`, the organisation's short name, and `email`, which names the user; and `ServiceName`,
 * which identity providers send with it (docs/wire-facts.md §1.3).
 */
export function assertionXml(facts: AssertionFacts): string {
  const issued = new Date(facts.issuedAt).toISOString();
  const notBefore = new Date(facts.issuedAt - SKEW_MS).toISOString();
  const notOnOrAfter = new Date(facts.issuedAt + LIFE_MS).toISOString();
  const email = EMAIL.test(facts.nameId);
  // One line: every white space here would be signed and sent.
  return [
    `<saml:Assertion xmlns:saml="${SAML}:assertion" ID="${xml(facts.id)}" IssueInstant="${issued}" Version="2.0">`,
    `<saml:Issuer>${xml(facts.issuer)}</saml:Issuer>`,
    '<saml:Subject>',
    `<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:${email ? 'emailAddress' : 'unspecified'}">${xml(facts.nameId)}</saml:NameID>`,
    `<saml:SubjectConfirmation Method="${SAML}:cm:bearer">`,
    `<saml:SubjectConfirmationData NotOnOrAfter="${notOnOrAfter}" Recipient="${xml(facts.recipient)}"/>`,
    '</saml:SubjectConfirmation>',
    '</saml:Subject>',
    `<saml:Conditions NotBefore="${notBefore}" NotOnOrAfter="${notOnOrAfter}">`,
    `<saml:AudienceRestriction><saml:Audience>${xml(facts.audience)}</saml:Audience></saml:AudienceRestriction>`,
    '</saml:Conditions>',
    `<saml:AuthnStatement AuthnInstant="${issued}">`,
    `<saml:AuthnContext><saml:AuthnContextClassRef>${SAML}:ac:classes:X509</saml:AuthnContextClassRef></saml:AuthnContext>`,
    '</saml:AuthnStatement>',
    '<saml:AttributeStatement>',
    attribute('OrganizationName', facts.orgName),
    ...(email ? [attribute('email', facts.nameId)] : []),
    attribute('ServiceName', 'directory'),
    '</saml:AttributeStatement>',
    '</saml:Assertion>',
  ].join('');
}

function attribute(name: string, value: string): string {
  const format = `${SAML}:attrname-format:unspecified`;
  return `<saml:Attribute Name="${name}" NameFormat="${format}"><saml:AttributeValue>${xml(value)}</saml:AttributeValue></saml:Attribute>`;
}
