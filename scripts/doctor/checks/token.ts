import { TokenRefusedError } from '../../../src/auth/auth.errors.js';
import { assertionSource } from '../../../src/auth/saml/assertion-sources.js';
import { TokenEndpoint, tokenUrl } from '../../../src/auth/token-endpoint.js';
import { type Check, failure, ok, reasonOf, type Verdict } from '../check.js';
import type { Installation } from '../installation.js';
import { REGIONS, regionOf } from '../regions.js';

/** Asked for once: wrong credentials stay wrong, and hammering may lock the client. */
export const token: Check = {
  name: 'token',
  needs: ['configuration', 'assertion'],
  async run(on, signal) {
    const { genesys } = on.config;
    const endpoint = new TokenEndpoint(on.axios, genesys, assertionSource(genesys.grant, tokenUrl(genesys)));
    try {
      const { value, expiresInS } = await endpoint.ask(signal);
      on.useToken(value);
      return ok(`${endpoint.url} gives one by ${genesys.grant.kind}, good for ${lifeOf(expiresInS)}`, {
        facts: { grant: genesys.grant.kind, expiresInS },
      });
    } catch (error) {
      return error instanceof TokenRefusedError ? refused(on, error) : failure(reasonOf(error));
    }
  },
};

/** A wrong region knows no such client, and says so in the same words as to a wrong secret (docs/wire-facts.md §1.6). */
function refused({ config }: Installation, error: TokenRefusedError): Verdict {
  const host = new URL(config.genesys.loginUrl).host;
  const region = regionOf(config.genesys.loginUrl);
  const asked = region ? `the region ${region.domain} (${region.name})` : `${host}, which GENESYS_LOGIN_URL names`;
  const others = REGIONS.map(({ domain }) => domain).filter((domain) => domain !== region?.domain);
  const more = error.message.includes('invalid_client')
    ? [
        `invalid_client may mean the region, too: asked was ${asked}, and a region that does not know the client answers the same as to a wrong secret.`,
        `The other regions: ${others.join(', ')}.`,
      ]
    : [`Asked was ${asked}.`];
  return failure(
    error.message,
    "Compare the region with the address of the organisation's own pages (apps.<region>), then id, secret and grant type with the OAuth client at Genesys Cloud Admin, Integrations, OAuth.",
    { more, facts: { host, ...(region ? { region: region.domain } : {}) } },
  );
}

function lifeOf(seconds: number): string {
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
