import type { Tally } from '../common/hourly-tally.js';
import type { BudgetView } from '../genesys/request-budget.js';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** Sooner a day's requests cannot be told: a start makes several at once. */
const LEAST_MS = 60_000;

/** How much of what Genesys grants an OAuth client this process uses. */
export interface ClientView {
  name: string;
  channels: { inUse: number; max: number };
  budget: {
    perMinute: number;
    usedLastMinute: number;
    waiting: BudgetView['waiting'];
    /** Until when nothing is sent, because Genesys answered 429. */
    pausedUntil: string | null;
  };
  requests: {
    /** How many hours the figures cover: at most 24, less since the process began. */
    hours: number;
    total: number;
    byOperation: Record<string, number>;
    /** As many a day, at the rate of these hours. */
    perDay: number | null;
    /** Interactions that were accepted in these hours. */
    interactions: number;
    perInteraction: number | null;
  };
}

export interface ClientFacts {
  channels: ClientView['channels'];
  budget: BudgetView;
  sent: Tally;
  /** Steps of interactions. */
  steps: Tally;
}

export function clientView({ channels, budget, sent, steps }: ClientFacts, now = Date.now()): ClientView {
  const { pausedMs, limit, usedLastMinute, waiting } = budget;
  const { perDay, perInteraction } = requestRates({ sent, steps });
  return {
    // One OAuth client for now.
    name: 'default',
    channels,
    budget: {
      perMinute: limit,
      usedLastMinute,
      waiting,
      pausedUntil: pausedMs > 0 ? new Date(now + pausedMs).toISOString() : null,
    },
    requests: {
      hours: rounded(sent.coversMs / HOUR_MS),
      total: sent.total,
      byOperation: sent.byKind,
      perDay,
      interactions: acceptedIn(steps),
      perInteraction,
    },
  };
}

/** Requests a day and for each interaction; null where that cannot be told yet. */
export function requestRates({ sent, steps }: Pick<ClientFacts, 'sent' | 'steps'>): {
  perDay: number | null;
  perInteraction: number | null;
} {
  const accepted = acceptedIn(steps);
  return {
    perDay: sent.coversMs < LEAST_MS ? null : Math.round((sent.total * DAY_MS) / sent.coversMs),
    perInteraction: accepted === 0 ? null : rounded(sent.total / accepted),
  };
}

function acceptedIn(steps: Tally): number {
  return steps.byKind['accepted'] ?? 0;
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
