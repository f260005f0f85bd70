import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AssertionError } from '../auth.errors.js';
import { FileAssertion } from './file-assertion.js';

const XML = '<saml:Assertion xmlns:saml="urn:x">ü~~~???</saml:Assertion>';
const RESPONSE = `<samlp:Response xmlns:samlp="urn:y"><samlp:Status/>${XML}</samlp:Response>`;
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

describe('FileAssertion', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-assertion-'));
    file = join(folder, 'assertion.xml');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['XML', XML],
    ['XML after a byte order mark and white space', `\uFEFF\r\n  ${XML}\n`],
    ['base64', base64(XML)],
    ['a response', RESPONSE, RESPONSE],
    ['a response in base64', base64(RESPONSE), RESPONSE],
    ['base64 in lines of 76', `${base64(XML).replace(/(.{20})/g, '$1\r\n')}\n`],
  ])('takes %s, and passes it on as it is', async (_what, content, xml = XML) => {
    await writeFile(file, content);
    expect(await new FileAssertion(file).assertion()).toEqual({ encoded: base64(xml) });
  });

  it('leaves url-safe base64 as it is', async () => {
    const encoded = Buffer.from(XML).toString('base64url');
    expect(encoded).toMatch(/[-_]/);
    await writeFile(file, encoded);
    expect((await new FileAssertion(file).assertion()).encoded).toBe(encoded);
  });

  it('reads the file anew each time', async () => {
    const source = new FileAssertion(file);
    for (const xml of ['<one/>', '<two/>']) {
      await writeFile(file, xml);
      expect((await source.assertion()).encoded).toBe(base64(xml));
    }
  });

  it.each([
    ['is empty', '\uFEFF \n', /is empty; it has to hold the SAML assertion/],
    ['is neither', '{"not": "it"}', /holds neither XML .* nor base64/],
    ['is too large', 'A'.repeat(1024 * 1024 + 1), /has 1048577 bytes; at most 1048576/],
  ])('says so when it %s', async (_what, content, message) => {
    await writeFile(file, content);
    const failure = await new FileAssertion(file).assertion().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AssertionError);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).toContain(`GENESYS_SAML_ASSERTION_FILE: ${file}`);
  });

  it('says so when it is missing', async () => {
    await expect(new FileAssertion(file).assertion()).rejects.toThrow(
      `GENESYS_SAML_ASSERTION_FILE: cannot read ${file} (ENOENT).`,
    );
  });

  it.each([
    ['XML', (xml: string) => xml],
    ['base64', base64],
  ])('hints at an expired assertion, and only then (%s)', async (_what, encode) => {
    const xml = (until: string): string =>
      `<a:Assertion><a:Conditions NotBefore="2020-01-01T00:00:00Z" NotOnOrAfter="${until}"/></a:Assertion>`;
    await writeFile(file, encode(xml('2020-01-01T00:05:00Z')));
    expect((await new FileAssertion(file).assertion()).hint).toContain('expired at 2020-01-01T00:05:00.000Z');
    await writeFile(file, encode(xml('2199-01-01T00:05:00Z')));
    expect((await new FileAssertion(file).assertion()).hint).toBeUndefined();
  });
});
