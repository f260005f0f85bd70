/**
 * The arrows between the folders of src/: one way only. A folder that is not a feature (config, common, telemetry, storage,
 * lifecycle, http, access, audit) may be used by all and uses no feature.
 */
const LEAVES = '^src/(common|config|telemetry|storage|lifecycle|http|access|audit)/';
const FEATURES =
  '^src/(auth|genesys|notifications|conversations|delivery|history|push|events|replay|retention|streams|operations|health)/';
const TESTS = '\\.(spec|e2e-spec)\\.ts$|/testing/';

/** A feature may use these features, itself, and the leaves. */
const MAY_USE = {
  auth: [],
  genesys: ['auth'],
  notifications: ['genesys', 'auth'],
  delivery: [],
  history: ['delivery'],
  conversations: ['notifications', 'genesys', 'history', 'delivery'],
  push: ['delivery'],
  events: ['conversations', 'notifications', 'push', 'delivery'],
  replay: ['delivery'],
  retention: ['conversations', 'notifications', 'replay'],
  streams: ['notifications', 'genesys', 'auth'],
};

const arrows = Object.entries(MAY_USE).map(([feature, allowed]) => ({
  name: `arrows-of-${feature}`,
  comment: `src/${feature} may use ${allowed.length === 0 ? 'no other feature' : `only ${allowed.join(', ')}`} (docs: the house's arrows).`,
  severity: 'error',
  from: { path: `^src/${feature}/`, pathNot: TESTS },
  to: { path: FEATURES, pathNot: `^src/(${[feature, ...allowed].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'leaves-use-no-feature',
      severity: 'error',
      from: { path: LEAVES, pathNot: TESTS },
      to: { path: FEATURES },
    },
    {
      name: 'onlookers-are-not-used',
      comment: 'operations and health look at everything; nobody but the application module looks at them.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(operations|health)/|^src/(main|app\\.module)\\.ts$|${TESTS}` },
      to: { path: '^src/(operations|health)/' },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: '^(simulator|test|bench|scripts)/' },
    },
    {
      name: 'simulator-stands-alone',
      comment: 'The simulator is a program of its own, so that the two cannot share a mistake.',
      severity: 'error',
      from: { path: '^simulator/' },
      to: { path: '^(src|test|bench|scripts)/' },
    },
    { name: 'no-tests-in-production', severity: 'error', from: { pathNot: `${TESTS}|^test/` }, to: { path: TESTS } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-packages-in-production',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'default', 'types'], exportsFields: ['exports'] },
  },
};
