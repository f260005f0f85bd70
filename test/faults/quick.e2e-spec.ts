import { runSeed } from './campaign/campaign.js';
import { stopSharedServer } from './databases.js';
import { runScenario } from './run-scenario.js';
import { SCENARIOS } from './scenarios/index.js';

/** Each scenario in its small size; `npm run test:faults` runs the whole. */
const QUICK = SCENARIOS.filter((scenario) => scenario.quick > 0);
const CASES = QUICK.flatMap((scenario) =>
  (scenario.quickOn ?? scenario.databases).map((database) => ({
    name: scenario.name,
    fault: scenario.fault,
    database,
    scenario,
  })),
);
const LIMIT_MS = 90_000;

afterAll(stopSharedServer);

describe('faults', () => {
  it.each(CASES)(
    '$name ($database): $fault',
    async ({ scenario, database }) => {
      const context = { database, size: scenario.quick, say: () => undefined };
      const { violations, lost, distinctDuplicates, skipped } = await runScenario(scenario, context);
      // Where mounting is refused the disk cannot be filled; the whole set says so in its table.
      if (skipped === undefined)
        expect({ violations, lost, distinctDuplicates }).toEqual({ violations: [], lost: 0, distinctDuplicates: 0 });
    },
    LIMIT_MS,
  );

  it.each([
    [1, 'sqlite', 'any'],
    [2, 'postgres', 'any'],
    [3, 'postgres', 'fleet'],
  ] as const)(
    'whatever seed %i draws (%s, %s)',
    async (seed, database, kind) => {
      const { counts } = await runSeed(seed, database, kind);
      const { violations, lost, distinctDuplicates } = counts;
      expect({ violations, lost, distinctDuplicates }).toEqual({ violations: [], lost: 0, distinctDuplicates: 0 });
    },
    LIMIT_MS,
  );
});
