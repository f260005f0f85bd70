import { GenesysRequestError } from '../../../src/genesys/genesys.errors.js';
import { type Check, failure, ok, reasonOf } from '../check.js';
import { regionOf } from '../regions.js';

/** Whether the API takes the token: asked with the list of channels, which needs no permission. */
export const region: Check = {
  name: 'region',
  needs: ['token'],
  async run(on, signal) {
    const { loginUrl, apiUrl } = on.config.genesys;
    const [login, api] = [regionOf(loginUrl), regionOf(apiUrl)];
    const facts = { loginUrl, apiUrl, ...(api ? { region: api.domain } : {}) };
    try {
      on.channels = await on.genesys.channels({ signal, tries: 1 });
    } catch (error) {
      if (error instanceof GenesysRequestError && error.status === 401) {
        return failure(
          `${apiUrl} does not take the token that ${loginUrl} gave (401)`,
          'Both must be of one region: set GENESYS_ENVIRONMENT alone, or let GENESYS_LOGIN_URL and GENESYS_API_URL name the same one.',
          { facts },
        );
      }
      return failure(
        reasonOf(error),
        `Check GENESYS_ENVIRONMENT or GENESYS_API_URL (${apiUrl}), DNS, proxy and firewall.`,
        { facts },
      );
    }
    const name =
      api && api === login ? `${api.domain} (${api.name})` : 'as GENESYS_LOGIN_URL and GENESYS_API_URL name it';
    return ok(`${name}: ${apiUrl} takes the token`, { facts });
  },
};
