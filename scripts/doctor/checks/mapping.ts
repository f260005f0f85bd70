import { loadMapping } from '../../../src/history/mapping.js';
import { type Check, ok } from '../check.js';

/** Tried on the sample record, as at the boot; a bad one is an error of the configuration there. */
export const mapping: Check = {
  name: 'mapping',
  needs: ['configuration'],
  applies: ({ config }) => config.history.mappingFile !== undefined,
  async run(on) {
    const { mappingFile = '' } = on.config.history;
    on.mapping = await loadMapping(mappingFile);
    return ok(`${mappingFile} works on a sample record`);
  },
};
