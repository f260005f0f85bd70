import { Skipped, type Context, type Result, type Scenario } from './scenario.js';

const NOTHING = {
  repetitions: 0,
  emitted: 0,
  captured: 0,
  delivered: 0,
  lost: 0,
  distinctDuplicates: 0,
  repeats: 0,
  worstRecoveryMs: 0,
  extra: {},
};

/** Runs it once. What it throws is a violation, except that it cannot run here. */
export async function runScenario(scenario: Scenario, context: Context): Promise<Result> {
  const since = performance.now();
  const head = { scenario: scenario.name, database: context.database };
  const took = (): number => (performance.now() - since) / 1_000;
  try {
    const counts = await scenario.run(context);
    return { ...counts, ...head, seconds: took() };
  } catch (error) {
    if (error instanceof Skipped)
      return { ...NOTHING, ...head, violations: [], skipped: error.message, seconds: took() };
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...NOTHING, ...head, violations: [reason], seconds: took() };
  }
}
