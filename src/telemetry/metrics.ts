import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * Frame received → history service answered 2xx, in seconds. Fine around the usual case of some milliseconds, and
 * reaching to an hour because an outage of the history service is part of normal life.
 */
const DELIVERY_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

/** An intake takes some milliseconds; what takes longer than 5 s has met a limit. */
const HTTP_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Every metric of the service, by the names in docs/operations.md. One registry per instance, so that tests can have many. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly interactions = this.gauge(
    'gateway_interactions',
    'Interactions by status, of the whole fleet: each replica says the same, so take max() and not sum(). Absent while the database is away.',
    ['status'],
  );
  readonly storageUp = this.gauge('gateway_storage_up', '1 when the database takes writes, else 0.', []);
  readonly tokenState = this.gauge(
    'gateway_token_state',
    'Access token at Genesys: 1 valid, 0 not asked for yet, -1 unavailable, -2 refused.',
    ['client'],
  );
  readonly breakerState = this.gauge(
    'gateway_breaker_state',
    'Receiver of a sink, seen from this replica: 0 closed, 1 half-open, 2 open.',
    ['sink'],
  );
  readonly buildInfo = this.gauge('gateway_build_info', 'Always 1; the version is its label.', ['version']);
  readonly oldestUndelivered = this.gauge(
    'gateway_oldest_undelivered_seconds',
    'Age of the oldest delivery that waits, of the whole fleet; 0 when none waits. Absent while the database is away.',
    ['sink'],
  );
  readonly ledgerDifference = this.gauge(
    'gateway_ledger_difference',
    'Interactions that do not agree with their records, of the whole fleet; anything but 0 is an alarm. Absent while the database is away.',
    [],
  );
  readonly channels = this.gauge('gateway_channels', 'Genesys notification channels by state.', ['state']);
  readonly topics = this.gauge('gateway_topics', 'Topics subscribed over all channels.', []);
  readonly topicsUncovered = this.gauge(
    'gateway_topics_uncovered',
    'Wanted topics of which no event would arrive now: no channel has room, not confirmed yet, refused, or in a gap.',
    [],
  );

  readonly frames = this.counter('gateway_ws_frames_total', 'WebSocket frames received, by kind.', ['kind']);
  readonly reconnects = this.counter('gateway_ws_reconnects_total', 'Sockets opened again, by reason.', ['reason']);
  readonly gaps = this.counter('gateway_gaps_total', 'Times in which events could have been missed.', []);
  readonly gapSeconds = this.counter('gateway_gap_seconds_total', 'Length of those times, in seconds.', []);
  readonly lookups = this.counter('gateway_lookups_total', 'Conversations looked up at Genesys, by result.', [
    'result',
  ]);
  readonly captured = this.counter('gateway_captured_total', 'Interactions captured, by how.', ['obtained_by']);
  readonly duplicatesDropped = this.counter('gateway_duplicates_dropped_total', 'Events seen before and dropped.', []);

  readonly eventsOverflowed = this.counter(
    'gateway_events_overflowed_total',
    'Events dropped because too many waited for the database; their work is looked up.',
    [],
  );
  readonly eventsTooOld = this.counter(
    'gateway_events_too_old_total',
    'Events that ended more than 60 s before their interaction was accepted: older work, or clocks that differ; looked up.',
    [],
  );
  readonly topicsRepaired = this.counter(
    'gateway_topics_repaired_total',
    'Topics that were not wanted although an interaction waited, or the reverse, as found by comparing every half minute.',
    [],
  );
  readonly subscriptionsRepaired = this.counter(
    'gateway_subscriptions_repaired_total',
    'Topics that Genesys had lost and that were subscribed again.',
    [],
  );

  readonly deliveries = this.counter('gateway_deliveries_total', 'Delivery attempts that ended, by outcome.', [
    'outcome',
  ]);
  readonly deliverySeconds = new Histogram({
    name: 'gateway_delivery_seconds',
    help: 'From the frame received to the history service having it, in seconds.',
    buckets: DELIVERY_BUCKETS_S,
    registers: [this.registry],
  });

  readonly httpRequestSeconds = new Histogram({
    name: 'gateway_http_request_seconds',
    help: 'Requests to the gateway, from their headers to the end of the answer, in seconds.',
    labelNames: ['route', 'status'],
    buckets: HTTP_BUCKETS_S,
    registers: [this.registry],
  });

  readonly genesysRequests = this.counter('gateway_genesys_requests_total', 'REST requests to Genesys Cloud.', [
    'operation',
    'status',
  ]);
  readonly genesysRequestsDay = this.gauge(
    'gateway_genesys_requests_day',
    "This replica's REST requests to Genesys Cloud a day, at the rate of its last 24 hours or since it began. Absent in its first minute.",
    [],
  );
  readonly genesysRequestsPerInteraction = this.gauge(
    'gateway_genesys_requests_per_interaction',
    "This replica's REST requests to Genesys Cloud for each interaction that it accepted, in the same time. Absent while there is none.",
    [],
  );
  readonly tokenRefreshes = this.counter('gateway_token_refreshes_total', 'Access tokens asked for, by result.', [
    'result',
  ]);

  readonly pushPublished = this.counter('gateway_push_published_total', 'Events published.', []);
  readonly pushMatched = this.counter('gateway_push_matched_total', 'Subscriptions that events have matched.', []);
  readonly pushEventsWaiting = this.gauge(
    'gateway_push_events_waiting',
    'Events whose deliveries are still to be made, of all instances, up to 10,000; every 10 s.',
    [],
  );
  readonly pushOutcomes = this.counter('gateway_push_outcomes_total', 'Pushes tried, by push type and outcome.', [
    'type',
    'outcome',
  ]);
  readonly pushEndings = this.counter(
    'gateway_push_endings_total',
    'Pushes that were given up (dead), met a crash, or lost their claim (fenced), by sink: push or comet.',
    ['sink', 'outcome'],
  );
  readonly pushSubscriptions = this.gauge('gateway_push_subscriptions', 'Active push subscriptions.', []);
  readonly pushDropped = this.counter('gateway_push_dropped_total', 'Pushes not made, by reason.', ['reason']);
  readonly cometSessions = this.gauge('gateway_comet_sessions', 'CometD sessions that are open on this instance.', []);

  /** Adds the process and event-loop metrics; for the one instance of a running service. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** The exposition text for `GET /metrics`; its media type is `registry.contentType`. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
