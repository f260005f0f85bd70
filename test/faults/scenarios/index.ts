import type { Scenario } from '../scenario.js';
import {
  channelEnds,
  fuzzedFrames,
  halfOpen,
  halfOpenDefaults,
  reconnectStorm,
  rotations,
  topicLimits,
} from './channels.js';
import { fillUpFive, fillUpTwo } from './budget.js';
import { clock, clockHour } from './clock.js';
import { databaseDown, databaseLinks, databaseReadOnly, diskFull, unansweredCommits } from './database.js';
import { failPoints } from './fail-points.js';
import { burst, deadLetterReplay, historyOutage, historyStorm, hostileHistory, poison } from './history.js';
import { killPending, killStream } from './kill.js';
import { poisonedLookup } from './lookups.js';
import { pushFanOut, slowReceiver } from './push.js';
import { partition, replicasShare, rolling, zombie, zombieChannels } from './replicas.js';
import { authMatrix, canarySecrets } from './security.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  killPending,
  killStream,
  failPoints,
  replicasShare,
  zombie,
  zombieChannels,
  fillUpTwo,
  fillUpFive,
  partition,
  rolling,
  unansweredCommits,
  databaseLinks,
  databaseDown,
  databaseReadOnly,
  diskFull,
  clock,
  clockHour,
  poison,
  historyStorm,
  historyOutage,
  hostileHistory,
  deadLetterReplay,
  burst,
  halfOpen,
  halfOpenDefaults,
  reconnectStorm,
  rotations,
  channelEnds,
  topicLimits,
  fuzzedFrames,
  poisonedLookup,
  authMatrix,
  canarySecrets,
  pushFanOut,
  slowReceiver,
];
