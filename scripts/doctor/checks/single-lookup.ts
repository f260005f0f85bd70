import { randomUUID } from 'node:crypto';
import { GenesysForbiddenError } from '../../../src/genesys/genesys.errors.js';
import { type Check, failure, ok, reasonOf } from '../check.js';

const PERMISSION = 'conversation:communication:view';

/** Asked for a conversation that nobody knows: 404 is good, 403 is not. */
export const singleLookup: Check = {
  name: 'single look-up',
  needs: ['region'],
  async run({ genesys, lacking }, signal) {
    try {
      await genesys.conversation(randomUUID(), { signal, tries: 1 });
    } catch (error) {
      if (!(error instanceof GenesysForbiddenError)) return failure(reasonOf(error));
      lacking.add(PERMISSION);
      return failure(
        reasonOf(error),
        `Give a role of the OAuth client ${PERMISSION}, in the divisions of the conversations. Without it what no event and no bulk look-up tells is not found.`,
      );
    }
    return ok(`allowed (${PERMISSION})`, { facts: { permission: PERMISSION } });
  },
};
