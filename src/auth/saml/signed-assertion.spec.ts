import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Element } from '@xmldom/xmldom';
import { AssertionError } from '../auth.errors.js';
import { parseXml, verifies } from '../testing/signature-verifier.js';
import { SignedAssertion } from './signed-assertion.js';
import { readSigningPair } from './signing-pair.js';

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
const fixture = (name: string): string => new URL(`../testing/${name}`, import.meta.url).pathname;
const KEY = fixture('idp.key.pem');
const CERT = fixture('idp.cert.pem');
const SETTINGS = {
  kind: 'signed' as const,
  envelope: 'assertion' as 'assertion' | 'response',
  keyFile: KEY,
  certFile: CERT,
  issuer: 'https://idp.example/?a=1&b=2',
  nameId: 'gateway@example.com',
  audience: 'genesys "cloud" <prod>',
};
const TARGET = { tokenUrl: 'https://login.example/oauth/token', orgName: "o'neill & sons" };

const xmlOf = async (settings = SETTINGS): Promise<string> => {
  const { encoded } = await new SignedAssertion(settings, TARGET).assertion();
  return Buffer.from(encoded, 'base64').toString('utf8');
};

const only = (xml: string, name: string, namespace = SAML): Element => {
  const found = parseXml(xml).getElementsByTagNameNS(namespace, name);
  expect(found).toHaveLength(1);
  return found[0] as Element;
};

describe('SignedAssertion', () => {
  it('signs so that an independent library verifies it', async () => {
    expect(await verifies(await xmlOf())).toBe(true);
  });

  it.each([
    ['another user', (xml: string) => xml.replaceAll('gateway@example.com', 'admin@example.com')],
    ['a longer life', (xml: string) => xml.replace(/NotOnOrAfter="20/g, 'NotOnOrAfter="21')],
    ['another audience', (xml: string) => xml.replace('&lt;prod', '&lt;test')],
    ['another recipient', (xml: string) => xml.replace('login.example', 'login.invalid')],
    ['another organisation', (xml: string) => xml.replace('neill', 'riley')],
    [
      'an added attribute',
      (xml: string) =>
        xml.replace('</saml:AttributeStatement>', '<saml:Attribute Name="x"/></saml:AttributeStatement>'),
    ],
    [
      'a changed digest',
      (xml: string) =>
        xml.replace(/(<ds:DigestValue>)(.)/, (_, tag: string, c: string) => tag + (c === 'A' ? 'B' : 'A')),
    ],
    [
      'a changed signature',
      (xml: string) =>
        xml.replace(/(<ds:SignatureValue>)(.)/, (_, tag: string, c: string) => tag + (c === 'A' ? 'B' : 'A')),
    ],
  ])('does not verify with %s', async (_what, tamper) => {
    const xml = await xmlOf();
    const tampered = tamper(xml);
    expect(tampered).not.toBe(xml);
    expect(await verifies(tampered)).toBe(false);
  });

  it('carries the certificate that Genesys compares, and RSA-SHA256 over the whole assertion', async () => {
    const xml = await xmlOf();
    const certificate = Buffer.from(only(xml, 'X509Certificate', DSIG).textContent ?? '', 'base64');
    expect(new X509Certificate(certificate).fingerprint256).toBe(
      new X509Certificate(readFileSync(CERT)).fingerprint256,
    );
    expect(only(xml, 'SignatureMethod', DSIG).getAttribute('Algorithm')).toBe(
      'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    );
    expect(only(xml, 'DigestMethod', DSIG).getAttribute('Algorithm')).toBe('http://www.w3.org/2001/04/xmlenc#sha256');
    expect(only(xml, 'Reference', DSIG).getAttribute('URI')).toBe(`#${only(xml, 'Assertion').getAttribute('ID')}`);
  });

  it('says who, for whom, where and how long, as RFC 7522 §3 wants it', async () => {
    const before = Date.now();
    const xml = await xmlOf();
    const assertion = only(xml, 'Assertion');
    expect(assertion.ownerDocument?.documentElement === assertion).toBe(true);
    expect([...assertion.childNodes].map((node) => (node as Element).localName)).toEqual([
      'Issuer',
      'Signature',
      'Subject',
      'Conditions',
      'AuthnStatement',
      'AttributeStatement',
    ]);
    expect(only(xml, 'Issuer').textContent).toBe(SETTINGS.issuer);
    expect(only(xml, 'NameID').textContent).toBe(SETTINGS.nameId);
    expect(only(xml, 'Audience').textContent).toBe(SETTINGS.audience);
    expect(only(xml, 'SubjectConfirmation').getAttribute('Method')).toBe('urn:oasis:names:tc:SAML:2.0:cm:bearer');
    const confirmation = only(xml, 'SubjectConfirmationData');
    expect(confirmation.getAttribute('Recipient')).toBe(TARGET.tokenUrl);
    const conditions = only(xml, 'Conditions');
    const [from, to] = ['NotBefore', 'NotOnOrAfter'].map((name) => Date.parse(conditions.getAttribute(name) ?? ''));
    expect(before - (from ?? 0)).toBeLessThanOrEqual(60_000);
    expect(before - (from ?? 0)).toBeGreaterThan(50_000);
    expect((to ?? 0) - before).toBeGreaterThanOrEqual(300_000);
    expect((to ?? 0) - before).toBeLessThan(310_000);
    expect(confirmation.getAttribute('NotOnOrAfter')).toBe(conditions.getAttribute('NotOnOrAfter'));
  });

  it('names the organisation and the user in the attributes that Genesys reads', async () => {
    const attributes = async (nameId: string): Promise<Record<string, string>> => {
      const found = parseXml(await xmlOf({ ...SETTINGS, nameId })).getElementsByTagNameNS(SAML, 'Attribute');
      return Object.fromEntries([...found].map((item) => [item.getAttribute('Name') ?? '', item.textContent ?? '']));
    };
    expect(await attributes('gateway@example.com')).toEqual({
      OrganizationName: TARGET.orgName,
      email: 'gateway@example.com',
      ServiceName: 'directory',
    });
    expect(await attributes('4711')).toEqual({ OrganizationName: TARGET.orgName, ServiceName: 'directory' });
  });

  it('stays well-formed and verifiable whatever the values hold', async () => {
    const nameId = ']]>&amp;<!--\r\n\t"\'\u0000\u{1F600}';
    const xml = await xmlOf({ ...SETTINGS, nameId });
    expect(only(xml, 'NameID').textContent).toBe(nameId.replace('\u0000', ''));
    expect(await verifies(xml)).toBe(true);
  });

  it('makes a new ID each time', async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => only(await xmlOf(), 'Assertion').getAttribute('ID')));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^_[0-9a-f-]{36}$/);
  });

  it('is plain base64 without line breaks', async () => {
    const { encoded } = await new SignedAssertion(SETTINGS, TARGET).assertion();
    expect(encoded).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
  });
});

describe('SignedAssertion within a response', () => {
  const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
  const settings = { ...SETTINGS, envelope: 'response' as const, recipient: 'https://login.example/saml?a=1&b=2' };

  it('signs the assertion, then the response around it, and both hold', async () => {
    const xml = await xmlOf(settings);
    const response = parseXml(xml).documentElement as Element;
    expect([response.namespaceURI, response.localName]).toEqual([PROTOCOL, 'Response']);
    const names = [...response.childNodes].map((node) => (node as Element).localName);
    expect(names).toEqual(['Issuer', 'Signature', 'Status', 'Assertion']);
    const references = [...parseXml(xml).getElementsByTagNameNS(DSIG, 'Reference')].map((each) =>
      each.getAttribute('URI'),
    );
    expect(references).toEqual([`#${response.getAttribute('ID')}`, `#${only(xml, 'Assertion').getAttribute('ID')}`]);
    expect(await verifies(xml)).toBe(true);
  });

  it('says that the user was let in, and by whom, and where it goes', async () => {
    const xml = await xmlOf(settings);
    const response = parseXml(xml).documentElement as Element;
    expect(only(xml, 'StatusCode', PROTOCOL).getAttribute('Value')).toBe('urn:oasis:names:tc:SAML:2.0:status:Success');
    expect(response.getAttribute('Version')).toBe('2.0');
    expect(response.getAttribute('Destination')).toBe(settings.recipient);
    expect(only(xml, 'SubjectConfirmationData').getAttribute('Recipient')).toBe(settings.recipient);
    expect((response.childNodes[0] as Element).textContent).toBe(SETTINGS.issuer);
    expect(Math.abs(Date.parse(response.getAttribute('IssueInstant') ?? '') - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    ['another status', (xml: string) => xml.replace('status:Success', 'status:Responder')],
    ['another destination', (xml: string) => xml.replace('Destination="https://login', 'Destination="https://logout')],
    ['another user in the assertion', (xml: string) => xml.replaceAll('gateway@example.com', 'admin@example.com')],
    [
      'a changed signature of the assertion',
      (xml: string) =>
        xml.replace(
          /(<ds:SignatureValue>)(.)(?![\s\S]*<ds:SignatureValue>)/,
          (_, tag: string, c: string) => tag + (c === 'A' ? 'B' : 'A'),
        ),
    ],
  ])('does not verify with %s', async (_what, tamper) => {
    const xml = await xmlOf(settings);
    const tampered = tamper(xml);
    expect(tampered).not.toBe(xml);
    expect(await verifies(tampered)).toBe(false);
  });
});

describe('readSigningPair', () => {
  let folder: string;
  const now = Date.now();
  const put = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-saml-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['a missing key', 'nowhere.pem', CERT, /GENESYS_SAML_KEY_FILE: cannot read .*nowhere\.pem \(ENOENT\)/],
    ['a missing certificate', KEY, 'nowhere.pem', /GENESYS_SAML_CERT_FILE: cannot read .*nowhere\.pem \(ENOENT\)/],
    ['a certificate as key', CERT, CERT, /GENESYS_SAML_KEY_FILE: .* is not a private key in PEM/],
    ['a key as certificate', KEY, KEY, /GENESYS_SAML_CERT_FILE: .* is not an X\.509 certificate in PEM/],
  ])('refuses %s', async (_what, key, cert, message) => {
    await expect(readSigningPair(key, cert, now)).rejects.toThrow(message);
    await expect(readSigningPair(key, cert, now)).rejects.toBeInstanceOf(AssertionError);
  });

  it("refuses a key that is not the certificate's, and one that is not RSA", async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    await expect(readSigningPair(await put('other.pem', rsa.toString()), CERT, now)).rejects.toThrow(
      /does not belong to the key/,
    );
    await expect(readSigningPair(await put('ec.pem', ec.toString()), CERT, now)).rejects.toThrow(
      /type ec; RSA is needed/,
    );
  });

  it('refuses a certificate before and after its time', async () => {
    await expect(readSigningPair(KEY, CERT, Date.parse('2199-01-01'))).rejects.toThrow(/expired at 21/);
    await expect(readSigningPair(KEY, CERT, Date.parse('2001-01-01'))).rejects.toThrow(/is valid from 20/);
  });

  it('says nothing of the key in its errors', async () => {
    const broken = readFileSync(KEY, 'utf8').replace('BEGIN PRIVATE', 'BEGIN BROKEN');
    const error = await readSigningPair(await put('broken.pem', broken), CERT, now).catch((thrown: unknown) => thrown);
    expect(String((error as Error).stack)).not.toContain(broken.split('\n')[3]);
  });
});
