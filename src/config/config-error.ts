import { GatewayError } from '../common/errors.js';

/** One thing that is wrong with the environment. */
export interface ConfigProblem {
  variable: string;
  /** The value as it may be shown; absent when nothing was set or when it is a secret's. */
  value?: string;
  /** What is allowed, or what to do. */
  allowed: string;
}

/** The environment cannot be used. Carries every problem that was found, not only the first. */
export class ConfigError extends GatewayError {
  override readonly code = 'config.invalid';

  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(oneLine).join('\n'));
  }

  /** For a person at a terminal: the list, and how to see the gateway work without any of it. `program` is what cannot start. */
  render(program = 'The gateway'): string {
    const count = this.problems.length === 1 ? '1 problem' : `${String(this.problems.length)} problems`;
    return [
      `${program} cannot start: ${count} in its environment (see .env.example for every variable).`,
      ...this.problems.map((problem) => `  - ${oneLine(problem)}`),
      'To see it work without any of this, run: npm run demo',
      '',
    ].join('\n');
  }
}

function oneLine({ variable, value, allowed }: ConfigProblem): string {
  return value === undefined ? `${variable}: ${allowed}` : `${variable}="${value}": ${allowed}`;
}
