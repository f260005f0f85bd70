import type { Scenario } from '../scenario.js';
import { databaseDown, databaseLinks, databaseReadOnly, diskFull } from './database.js';
import { failPoints } from './fail-points.js';
import { killPending, killStream } from './kill.js';
import { partition, replicasShare, rolling, zombie } from './replicas.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  killPending,
  killStream,
  failPoints,
  replicasShare,
  zombie,
  partition,
  rolling,
  databaseLinks,
  databaseDown,
  databaseReadOnly,
  diskFull,
];
