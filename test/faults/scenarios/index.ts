import type { Scenario } from '../scenario.js';
import { killPending, killStream } from './kill.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [killPending, killStream];
