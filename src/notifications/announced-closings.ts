import { backoffCeiling, type BackoffPolicy } from '../common/backoff.js';
import type { Log } from '../telemetry/logs.js';
import { OutageSchedule } from '../telemetry/outage-schedule.js';
import type { Channel } from './channel.js';

/** The first pause between two hand-overs of young channels; it doubles from one to the next. */
const BASE_MS = 1_000;
/** Pauses are drawn from this share of their length upwards, so that replicas which began together do not go on together. */
const LEAST_SHARE = 0.8;
/** A channel is young until it has lived so long without an announcement. When all do, pauses begin anew. */
const CALM_AFTER_MS = 5 * 60_000;

/** What is done with channels whose sockets Genesys closes. */
interface Ways {
  handOver(channel: Channel): void;
  /** For so long what the channel goes through need not be told: it is one of many. */
  hush(channel: Channel, forMs: number): void;
}

/**
 * Channels whose sockets Genesys has announced to close, until their hand-overs begin. At once, as long as closings are rare;
 * but a cluster that says so on each socket that it opens would have a new channel made each time. So hand-overs of young
 * channels come one at a time, with growing pauses between them. A channel that waits for its turn is used like any other;
 * when its socket is closed before, it opens another one: the announcement concerned the socket, not the channel.
 *
 * It has no timer: `look` is called again and again. Times are monotonic milliseconds.
 */
export class AnnouncedClosings {
  private readonly waiting = new Set<Channel>();
  private readonly announcedAt = new WeakMap<Channel, number>();
  private readonly pauses: BackoffPolicy;
  private readonly schedule = new OutageSchedule();
  /** No young channel is handed over before. */
  private nextAt = -Infinity;
  /** Hand-overs of young channels since the last calm. */
  private inARow = 0;
  /** When the closing of a young channel's socket was announced last. */
  private lastAt = -Infinity;

  /** @param pauseMaxMs longest pause between two hand-overs of young channels */
  constructor(
    private readonly ways: Ways,
    pauseMaxMs: number,
    private readonly log: Log,
  ) {
    this.pauses = { baseMs: BASE_MS, capMs: pauseMaxMs };
  }

  /** Genesys is going to close the channel's socket. */
  announced(channel: Channel, now = performance.now()): void {
    const young = now - (this.announcedAt.get(channel) ?? -Infinity) < CALM_AFTER_MS || ageMs(channel) < CALM_AFTER_MS;
    this.announcedAt.set(channel, now);
    if (!young) return this.ways.handOver(channel);
    if (now - this.lastAt >= CALM_AFTER_MS) this.inARow = 0;
    this.lastAt = now;
    this.waiting.add(channel);
    this.look(now);
    if (this.waiting.has(channel)) this.tellOfWait(channel, now);
  }

  /** The channel's socket is lost: there is nothing left to do beforehand. */
  cameTrue(channel: Channel): void {
    this.waiting.delete(channel);
  }

  /** Begins the next hand-over when its time has come. */
  look(now = performance.now()): void {
    if (now < this.nextAt) return;
    for (const channel of this.waiting) {
      this.waiting.delete(channel);
      // Another reason may have come first.
      if (channel.isDraining) continue;
      const share = LEAST_SHARE + (1 - LEAST_SHARE) * Math.random();
      this.nextAt = now + backoffCeiling(this.pauses, this.inARow++) * share;
      return this.ways.handOver(channel);
    }
  }

  private tellOfWait(channel: Channel, now: number): void {
    const { tell, failures, forS } = this.schedule.failed();
    const waitMs = Math.max(0, Math.round(this.nextAt - now));
    if (!tell) this.ways.hush(channel, CALM_AFTER_MS);
    this.log[tell ? 'warn' : 'debug'](
      { channel: channel.stored?.no, waitMs, ...(failures === 1 ? {} : { failures, forS }) },
      'Genesys closes the sockets of new channels, their hand-overs wait',
    );
  }
}

function ageMs({ record }: Channel): number {
  return record?.ageMs ?? 0;
}
