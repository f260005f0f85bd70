import { xml } from './xml-text.js';

export interface ResponseFacts {
  /** XML ID: fresh for each response, not beginning with a digit. */
  id: string;
  /** Epoch ms. */
  issuedAt: number;
  issuer: string;
  /** Where it goes: the recipient of the assertion. */
  destination: string;
  /** The signed assertion. */
  assertion: string;
}

const SAML = 'urn:oasis:names:tc:SAML:2.0';

/**
 * The unsigned response of an identity provider that has let the user in: what a browser would bring from single sign-on,
 * and what the official example hands on as `assertion` (docs/wire-facts.md §1.3).
 */
export function responseXml({ id, issuedAt, issuer, destination, assertion }: ResponseFacts): string {
  return [
    `<samlp:Response xmlns:samlp="${SAML}:protocol" xmlns:saml="${SAML}:assertion" ID="${xml(id)}" Version="2.0"`,
    ` IssueInstant="${new Date(issuedAt).toISOString()}" Destination="${xml(destination)}">`,
    `<saml:Issuer>${xml(issuer)}</saml:Issuer>`,
    `<samlp:Status><samlp:StatusCode Value="${SAML}:status:Success"/></samlp:Status>`,
    assertion,
    '</samlp:Response>',
  ].join('');
}
