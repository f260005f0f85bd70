import { webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';
import { DOMImplementation, DOMParser, XMLSerializer } from '@xmldom/xmldom';
import type { Document, Element } from '@xmldom/xmldom';
import type * as XmlDsig from 'xmldsigjs';

// xmldsigjs works on whatever DOM is registered with its own copy of xml-core, which is nobody else's dependency: it is
// reached from where xmldsigjs is. Both are loaded as CommonJS, so that they are the same copy.
const require = createRequire(import.meta.url);
const inside = createRequire(require.resolve('xmldsigjs'));
const { Application, SignedXml, ...rest } = require('xmldsigjs') as typeof XmlDsig;
const { setNodeDependencies } = inside('xml-core') as { setNodeDependencies: (libraries: object) => void };

setNodeDependencies({ DOMParser, XMLSerializer, DOMImplementation, xpath: inside('xpath') as unknown });
Application.setEngine('node', webcrypto);

// Its types speak of the browser's DOM, which is not among ours: what it gives is an xmldom document.
export const parseXml = rest.Parse as unknown as (xml: string) => Document;

/** Whether the document has signatures and each of them holds, by a library that shares no code with the one that signs. */
export async function verifies(xml: string): Promise<boolean> {
  const count = signaturesOf(parseXml(xml)).length;
  // Checking takes the signature out of its document: a fresh one for each.
  for (let nth = 0; nth < count; nth++) if (!(await holds(parseXml(xml), nth))) return false;
  return count > 0;
}

function signaturesOf(document: Document): Element[] {
  return [...document.getElementsByTagNameNS('http://www.w3.org/2000/09/xmldsig#', 'Signature')];
}

async function holds(document: Document, nth: number): Promise<boolean> {
  const signature = signaturesOf(document)[nth] as Element;
  const signed = new SignedXml(document);
  signed.LoadXml(signature);
  try {
    return await signed.Verify();
  } catch (error) {
    // It throws for some broken signatures and answers false for others.
    if (/digest|signature/i.test((error as Error).message)) return false;
    throw error;
  }
}
