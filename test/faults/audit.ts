import type { Simulator } from '../../simulator/index.js';

/** One interaction that was handed in, and what is true about it whatever the gateway says. */
export interface Item {
  story: string;
  conversationId: string;
  /** The code that its record must have; undefined when several would be right. */
  code?: string;
  /** Known once a 202 or 200 has come. */
  id?: string;
  acceptedAt?: number;
  /** When the agent finished. */
  finishedAt?: number;
}

interface RecordBody {
  interactionId?: string;
  recordId?: string;
  obtainedBy?: string;
  wrapup?: { code?: string };
}

/** Clearings that are told one by one. */
const CLEARINGS_TOLD = 10;

interface Recovery {
  since: number;
  left: Set<string>;
}

/** Counts what became of each interaction, from the history's own books; the gateway cannot touch them. */
export class Audit {
  /** Accepted, by interaction. */
  readonly accepted = new Map<string, Item>();
  /** The keys under which an interaction's record is kept; more than one is a distinct duplicate. */
  readonly keys = new Map<string, Set<string>>();
  readonly byLookup = new Set<string>();
  /** Longest time from the end of a fault until everything that was due then had its record, ms. */
  worstRecoveryMs = 0;
  /** Most records under way to the history at one time. */
  mostAtOnce = 0;
  /** Channels in use that Genesys removed because we made one too many. */
  evictedByQuota = 0;
  /** Channels that Genesys removed because we made one too many, in use or not. */
  evictions = 0;
  /**
   * Topics that one of us unsubscribed while somebody waited for them, no other channel had them, and somebody used the
   * channel: it had its socket, or was given one later. Whoever lets a channel go ends its socket, then clears it.
   */
  cleared = 0;
  /** Which, where and when, the first of them: a clearing in a campaign cannot be had again by its seed alone. */
  readonly clearings: string[] = [];
  /** Most channels with a socket at one time. A channel that was let go cannot be deleted, and lives on without one. */
  mostChannels = 0;
  /** Conversations whose agents have not finished; the last one of several interactions counts. */
  private readonly unfinished = new Set<string>();
  private readonly connected = new Set<string>();
  /** Topics cleared on channels that had no socket then. */
  private readonly clearedUnused = new Map<string, number>();
  private readonly wrong = new Set<string>();
  private underWay = 0;
  private readonly recoveries = new Set<Recovery>();
  private readonly offs: (() => void)[];

  constructor(private readonly simulator: Simulator) {
    const { genesys, history } = simulator;
    this.offs = [
      history.on('record', ({ key, body }) => this.onRecord(key, body as RecordBody)),
      history.on('arrived', () => (this.mostAtOnce = Math.max(this.mostAtOnce, ++this.underWay))),
      history.on('received', () => (this.underWay -= 1)),
      genesys.on('connected', ({ channelId }) => {
        this.connected.add(channelId);
        this.cleared += this.clearedUnused.get(channelId) ?? 0;
        this.clearedUnused.delete(channelId);
        this.mostChannels = Math.max(this.mostChannels, this.connected.size);
      }),
      genesys.on('disconnected', ({ channelId }) => void this.connected.delete(channelId)),
      genesys.on('evicted', ({ channelId, reason }) => {
        if (reason !== 'quota') return;
        this.evictions += 1;
        if (this.connected.has(channelId)) this.evictedByQuota += 1;
      }),
      genesys.on('unsubscribed', ({ channelId, topics }) => this.onUnsubscribed(channelId, topics)),
    ];
  }

  /** Accepted and finished by the agent, but not in the history yet. */
  get due(): Item[] {
    return [...this.accepted].flatMap(([id, item]) =>
      item.finishedAt !== undefined && !this.keys.has(id) ? [item] : [],
    );
  }

  get finished(): number {
    return [...this.accepted.values()].filter((item) => item.finishedAt !== undefined).length;
  }

  get delivered(): number {
    return [...this.accepted.keys()].filter((id) => this.keys.has(id)).length;
  }

  get duplicates(): number {
    return [...this.keys.values()].filter((keys) => keys.size > 1).length;
  }

  /** Records of interactions that nobody was promised. */
  get phantoms(): number {
    return [...this.keys.keys()].filter((id) => !this.accepted.has(id)).length;
  }

  /** Records with another code than the agent gave. */
  get wrongCodes(): number {
    for (const [id, item] of this.accepted) {
      for (const key of this.keys.get(id) ?? []) {
        const body = this.simulator.history.records.get(key) as RecordBody | undefined;
        if (item.code !== undefined && body?.wrapup !== undefined && body.wrapup.code !== item.code) this.wrong.add(id);
      }
    }
    return this.wrong.size;
  }

  /** The gateway has taken it in; again when it was asked again. */
  accept(id: string, item: Item): void {
    this.accepted.set(id, item);
    if (item.finishedAt === undefined) this.unfinished.add(item.conversationId);
  }

  /** Its agent has finished, now. */
  finish(item: Item): void {
    item.finishedAt = performance.now();
    this.unfinished.delete(item.conversationId);
  }

  /** A fault is over: from now on the clock runs until all that is due has its record. */
  faultOver(): void {
    const left = new Set(this.due.map((item) => item.id as string));
    if (left.size > 0) this.recoveries.add({ since: performance.now(), left });
  }

  /** Recoveries that are not over. */
  get recovering(): number {
    return this.recoveries.size;
  }

  stop(): void {
    for (const off of this.offs) off();
  }

  private onUnsubscribed(channelId: string, topics: readonly string[]): void {
    const waitedFor = topics.filter((topic) => this.unfinished.has(topic.split('.')[4] ?? ''));
    if (waitedFor.length === 0) return;
    const held = new Set(this.simulator.genesys.topics());
    const missed = waitedFor.filter((topic) => !held.has(topic)).length;
    if (missed > 0 && this.clearings.length < CLEARINGS_TOLD) {
      const how = this.connected.has(channelId) ? 'connected' : 'without socket';
      const lost = waitedFor.filter((topic) => !held.has(topic));
      this.clearings.push(`${new Date().toISOString()} channel ${channelId} (${how}): ${lost.join(', ')}`);
    }
    if (this.connected.has(channelId)) this.cleared += missed;
    else this.clearedUnused.set(channelId, (this.clearedUnused.get(channelId) ?? 0) + missed);
  }

  private onRecord(key: string, body: RecordBody): void {
    const id = body.interactionId ?? `no interaction: ${key}`;
    const keys = this.keys.get(id);
    if (keys) keys.add(key);
    else this.keys.set(id, new Set([key]));
    if (body.obtainedBy === 'lookup') this.byLookup.add(id);
    for (const recovery of this.recoveries) {
      if (!recovery.left.delete(id) || recovery.left.size > 0) continue;
      this.recoveries.delete(recovery);
      this.worstRecoveryMs = Math.max(this.worstRecoveryMs, performance.now() - recovery.since);
    }
  }
}
