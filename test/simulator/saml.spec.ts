import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SignedXml } from 'xml-crypto';
import { SignedAssertion } from '../../src/auth/saml/signed-assertion.js';
import { Client } from './client.js';

const NS = 'urn:oasis:names:tc:SAML:2.0:assertion';
const fixture = (name: string): string => resolve('src/auth/testing', name);
const CERTIFICATE = fixture('idp.cert.pem');
const KEY = fixture('idp.key.pem');

interface Shape {
  id?: string;
  name?: string;
  audience?: string;
  from?: number;
  to?: number;
}

function assertion({
  id = '_a',
  name = 'service@demo',
  audience = 'genesys',
  from = -60,
  to = 300,
}: Shape = {}): string {
  const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
  return `<saml:Assertion xmlns:saml="${NS}" ID="${id}" Version="2.0" IssueInstant="${at(0)}"><saml:Issuer>idp</saml:Issuer><saml:Subject><saml:NameID>${name}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${at(to)}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${at(from)}" NotOnOrAfter="${at(to)}"><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions></saml:Assertion>`;
}

function sign(xml: string, privateKey: string): string {
  const signer = new SignedXml({
    privateKey,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  });
  signer.addReference({
    xpath: "//*[local-name(.)='Assertion']",
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', 'http://www.w3.org/2001/10/xml-exc-c14n#'],
  });
  signer.computeSignature(xml, { location: { reference: "//*[local-name(.)='Issuer']", action: 'after' } });
  return signer.getSignedXml();
}

describe('SAML assertion against a certificate', () => {
  const own = readFileSync(KEY, 'utf8');
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  let client: Client;

  beforeAll(async () => {
    client = await Client.start({
      genesys: { samlCertificate: readFileSync(CERTIFICATE, 'utf8'), samlAudience: 'genesys' },
    });
  });
  afterAll(() => client.stop());

  const present = async (xml: string): Promise<[number, string | undefined]> => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:saml2-bearer';
    const answer = await client.form({
      grant_type,
      orgName: 'demo-org',
      assertion: Buffer.from(xml).toString('base64'),
    });
    return [answer.status, answer.body.error_description];
  };

  it('takes one that is signed, in time and meant for it', async () => {
    expect(await present(sign(assertion(), own))).toEqual([200, undefined]);
  });

  it.each(['response', 'assertion'] as const)('takes the one that the gateway signs (%s)', async (envelope) => {
    const settings = {
      kind: 'signed' as const,
      envelope,
      keyFile: KEY,
      certFile: CERTIFICATE,
      issuer: 'idp',
      nameId: 'gateway@demo',
      audience: 'genesys',
    };
    const target = { tokenUrl: `${client.simulator.loginUrl}/oauth/token`, orgName: 'demo-org' };
    const { encoded } = await new SignedAssertion(settings, target).assertion();
    expect(await present(Buffer.from(encoded, 'base64').toString('utf8'))).toEqual([200, undefined]);
  });

  const tamper = (xml: string, part: string): string => {
    const at = xml.indexOf('<ds:SignatureValue>', xml.indexOf(part)) + '<ds:SignatureValue>'.length;
    return `${xml.slice(0, at)}${xml[at] === 'A' ? 'B' : 'A'}${xml.slice(at + 1)}`;
  };

  it.each(['<samlp:Response', '<saml:Assertion'])(
    'refuses a response in which the signature of %s does not hold',
    async (part) => {
      const settings = {
        ...{ kind: 'signed' as const, envelope: 'response' as const, keyFile: KEY, certFile: CERTIFICATE },
        ...{ issuer: 'idp', nameId: 'gateway@demo', audience: 'genesys' },
      };
      const { encoded } = await new SignedAssertion(settings, {
        tokenUrl: 'https://a/token',
        orgName: 'demo-org',
      }).assertion();
      const [status, description] = await present(tamper(Buffer.from(encoded, 'base64').toString('utf8'), part));
      expect(status).toBe(400);
      expect(description).toMatch(/signature .* not valid/);
    },
  );

  it('takes one inside a response', async () => {
    const response = `<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol">${sign(assertion(), own)}</p:Response>`;
    expect(await present(response)).toEqual([200, undefined]);
  });

  it.each([
    ['unsigned', () => assertion(), /0 signatures/],
    ['signed by another', () => sign(assertion(), other), /signature .* not valid/],
    [
      'changed after signing',
      () => sign(assertion(), own).replace('service@demo', 'admin@demo'),
      /signature .* not valid/,
    ],
    ['over', () => sign(assertion({ from: -7200, to: -3600 }), own), /expired/],
    ['early', () => sign(assertion({ from: 3600, to: 7200 }), own), /not valid yet/],
    ['for somebody else', () => sign(assertion({ audience: 'salesforce' }), own), /another audience/],
    ['not naming a subject', () => sign(assertion({ name: '' }), own), /no subject/],
    [
      'wrapped: a second, unsigned assertion stands in front',
      () => `<r>${assertion({ id: '_evil', name: 'admin' })}${sign(assertion({ from: -7200, to: -3600 }), own)}</r>`,
      /expired/,
    ],
  ])('refuses one that is %s', async (_what, make, reason) => {
    const [status, description] = await present(make());
    expect(status).toBe(400);
    expect(description).toMatch(reason);
  });
});
