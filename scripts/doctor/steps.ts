import type { Check } from './check.js';
import { assertion } from './checks/assertion.js';
import { bulkLookup } from './checks/bulk-lookup.js';
import { channels } from './checks/channels.js';
import { clocks } from './checks/clocks.js';
import { configuration } from './checks/configuration.js';
import { conversation } from './checks/conversation.js';
import { database } from './checks/database.js';
import { history } from './checks/history.js';
import { mapping } from './checks/mapping.js';
import { newChannel } from './checks/new-channel.js';
import { node } from './checks/node.js';
import { pushFiles } from './checks/push-files.js';
import { region } from './checks/region.js';
import { sample } from './checks/sample.js';
import { schema } from './checks/schema.js';
import { singleLookup } from './checks/single-lookup.js';
import { token } from './checks/token.js';
import { topic } from './checks/topic.js';

/** In this order; a check needs only such as come before it. */
export const STEPS: readonly Check[] = [
  node,
  configuration,
  database,
  schema,
  assertion,
  token,
  region,
  bulkLookup,
  singleLookup,
  topic,
  channels,
  newChannel,
  mapping,
  pushFiles,
  conversation,
  history,
  sample,
  clocks,
];
