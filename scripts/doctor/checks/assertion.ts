import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { assertionSource } from '../../../src/auth/saml/assertion-sources.js';
import { tokenUrl } from '../../../src/auth/token-endpoint.js';
import { type Check, failure, ok, warning } from '../check.js';

const DAY_MS = 24 * 3_600_000;
/** A new certificate has to be made known to Genesys by people. */
const SOON_DAYS = 30;

/** The SAML assertion: its file, or the pair that signs it. What is wrong with these, the source says itself. */
export const assertion: Check = {
  name: 'assertion',
  needs: ['configuration'],
  applies: ({ config }) => config.genesys.grant.kind === 'saml2-bearer',
  async run(on) {
    const { genesys } = on.config;
    const made = await assertionSource(genesys.grant, tokenUrl(genesys))?.assertion();
    if (made) on.hide(made.encoded);
    const source = genesys.grant.kind === 'saml2-bearer' ? genesys.grant.assertion : undefined;
    if (source?.kind !== 'signed') {
      const file = source?.file ?? '';
      return made?.hint === undefined ? ok(`${file} holds one that has not expired`) : failure(made.hint);
    }
    const until = Date.parse(new X509Certificate(await readFile(source.certFile)).validTo);
    const days = Math.floor((until - Date.now()) / DAY_MS);
    const text = `signed with ${source.keyFile}; the certificate in ${source.certFile} fits and is good until ${new Date(until).toISOString().slice(0, 10)}`;
    if (days >= SOON_DAYS) return ok(text);
    return warning(
      `${text}, for ${days} more days`,
      'Make a new pair, and make its certificate known to Genesys Cloud (single sign-on) first.',
    );
  },
};
