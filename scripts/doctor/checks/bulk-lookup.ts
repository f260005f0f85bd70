import { randomUUID } from 'node:crypto';
import { GenesysForbiddenError, GenesysRequestError } from '../../../src/genesys/genesys.errors.js';
import { type Check, failure, ok, reasonOf } from '../check.js';

const PERMISSION = 'analytics:conversationDetail:view';

/** Asked for a conversation that nobody knows: with the permission none is found. */
export const bulkLookup: Check = {
  name: 'bulk look-up',
  needs: ['region'],
  async run({ genesys, lacking }, signal) {
    try {
      await genesys.conversationDetails([randomUUID()], { signal, tries: 1 });
    } catch (error) {
      if (error instanceof GenesysForbiddenError) {
        lacking.add(PERMISSION);
        return failure(
          reasonOf(error),
          `Give a role of the OAuth client ${PERMISSION}, in the divisions of the conversations. Without it the gateway asks for each conversation alone, which costs many more requests.`,
        );
      }
      const unknown = error instanceof GenesysRequestError && error.status === 404 && !error.foreign;
      if (!unknown) return failure(reasonOf(error));
    }
    return ok(`allowed (${PERMISSION})`, { facts: { permission: PERMISSION } });
  },
};
