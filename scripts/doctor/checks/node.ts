import { packageJson } from '../../../src/common/package-json.js';
import { type Check, ok } from '../check.js';

/** A Node.js that is too old does not come so far (`src/require-node.ts`). */
export const node: Check = {
  name: 'node',
  needs: [],
  async run() {
    const { version } = packageJson();
    return ok(`Node.js ${process.versions.node}, genesys-gateway ${version}`, {
      facts: { node: process.versions.node, gateway: version },
    });
  },
};
