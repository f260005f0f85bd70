import type { Kysely } from 'kysely';
import { createInitialSchema } from './0001-initial.js';
import { addReplayAndAudit } from './0002-replay-audit.js';
import { addPush } from './0003-push.js';
import { dropWaitingIndex } from './0004-fewer-indexes.js';
import { indexLiveSubjectsOnly } from './0005-live-subjects.js';
import { addLookupFailures } from './0006-lookup-failures.js';
import { addChannelBudget } from './0007-channel-budget.js';
import { keepSinksApart } from './0008-sinks-apart.js';
import { addPushFanOut } from './0009-push-fan-out.js';
import { addCorrelation } from './0010-correlation.js';
import { addDiscard } from './0011-discard.js';
import { keepCounts } from './0012-kept-counts.js';
import { indexCustomers } from './0013-customers.js';
import { indexListFilters } from './0014-list-filters.js';
import { indexDeliveryKeys } from './0015-delivery-keys.js';
import { orderWaiting } from './0016-waiting-order.js';
import { makeLookupsCommon } from './0017-common-lookups.js';
import { addLateLookups } from './0018-late-lookups.js';

export type DatabaseKind = 'sqlite' | 'postgres';

/** One step forward. Written against the schema of its own time, so it knows no `Schema` type. */
export type MigrationStep = (db: Kysely<unknown>, kind: DatabaseKind) => Promise<void>;

/** Every step, in order. A released one is never changed: correct it with a further one. */
export const MIGRATIONS: Readonly<Record<string, MigrationStep>> = {
  '0001-initial': createInitialSchema,
  '0002-replay-audit': addReplayAndAudit,
  '0003-push': addPush,
  '0004-fewer-indexes': dropWaitingIndex,
  '0005-live-subjects': indexLiveSubjectsOnly,
  '0006-lookup-failures': addLookupFailures,
  '0007-channel-budget': addChannelBudget,
  '0008-sinks-apart': keepSinksApart,
  '0009-push-fan-out': addPushFanOut,
  '0010-correlation': addCorrelation,
  '0011-discard': addDiscard,
  '0012-kept-counts': keepCounts,
  '0013-customers': indexCustomers,
  '0014-list-filters': indexListFilters,
  '0015-delivery-keys': indexDeliveryKeys,
  '0016-waiting-order': orderWaiting,
  '0017-common-lookups': makeLookupsCommon,
  '0018-late-lookups': addLateLookups,
};
