import type { Scenario } from '../scenario.js';
import { backlog } from './backlog.js';
import { capture } from './capture.js';
import { captureOnly } from './capture-only.js';
import { costOverTime } from './cost-over-time.js';
import { economy } from './economy.js';
import { intake } from './intake.js';
import { latency } from './latency.js';
import { ownEvents } from './own-events.js';
import { pushApart } from './push-apart.js';
import { pushCallbacks } from './push-callbacks.js';
import { pushFanOut } from './push-fan-out.js';
import { pushRate } from './push-rate.js';
import { recovery } from './recovery.js';
import { rotation } from './rotation.js';
import { scale } from './scale.js';
import { tagMatch } from './tag-match.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  tagMatch,
  capture,
  captureOnly,
  intake,
  latency,
  scale,
  rotation,
  recovery,
  backlog,
  costOverTime,
  economy,
  ownEvents,
  pushFanOut,
  pushCallbacks,
  pushApart,
  pushRate,
];
