import { nodeProblem } from './common/node-version.js';

// Imported first by every program, so that nothing that needs a newer Node.js is run before it. 78 is EX_CONFIG of
// sysexits.h: a restart will not help.
const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
  process.stderr.write(problem);
  process.exit(78);
}
