import { randomUUID } from 'node:crypto';
import { atOnce } from '../common/at-once.js';
import type { GenesysClient, LookupOptions } from '../genesys/genesys.client.js';
import { GenesysRequestError } from '../genesys/genesys.errors.js';
import type { LookupPriority } from '../genesys/genesys.types.js';
import type { InteractionRow } from '../storage/schema.js';
import type { AfterCallWork } from './after-call-work.js';
import { type BulkLookup, type BulkView, partsOf } from './bulk-lookup.js';
import { type Finding, findingsOf, workOfConversation } from './finished-work.js';
import { blameOf } from './lookup-blame.js';
import { isUrgent } from './lookup-schedule.js';
import type { DueLookups, LookupLane } from './lookup.repository.js';
import { byRank } from './precedence.js';
import { completes } from './work-matching.js';

/** `Date` headers have whole seconds and come some time after the work: less is no difference of clocks. */
const SAME_CLOCK_MS = 2_000;
/** Single requests at once in one round. */
const SINGLES_AT_ONCE = 8;
/** A single request that only may tell more than the bulk look-up is given up after this: the round's place is needed. */
const SHORT_MS = 5_000;
/**
 * A conversation that was handed in so long ago, and that bulk look-ups do not know, is asked for singly: they lag by minutes
 * (docs/wire-facts.md §5.3), and may leave out for good what the OAuth client's divisions do not have.
 */
const OLD_MS = 15 * 60_000;
/** Into so many requests goes a batch of suspects, which all were in one that was not answered in time. */
const SUSPECT_PARTS = 10;

/** What became of the question about one conversation. */
export type Reply =
  /** @property complete whether everybody who may know more was asked, so that nothing more can be asked */
  | { state: 'answered'; works: AfterCallWork[]; complete: boolean }
  /** It was asked for alone, and that failed because of this conversation. */
  | { state: 'failed'; error: unknown }
  /** It was asked for with others, and one of them kept that from being answered. */
  | { state: 'suspected' }
  /** It spoils look-ups in bulk, as is now known. */
  | { state: 'culprit' }
  /** Genesys was away (`failure`), or there was no room for a single request. */
  | { state: 'unasked'; failure?: unknown };

export interface RoundTerms {
  due: DueLookups;
  lane: LookupLane;
  /** Single requests are made while more requests than this could be sent at once, for those whose time is over and the others. */
  reserve: { last: number; usual: number };
  signal: AbortSignal;
  /** Told of each conversation once, as soon as it has been asked for. */
  replied: (replies: ReadonlyMap<string, Reply>) => Promise<void>;
}

/** A 404 without Genesys' words: its own where it answers others, and a proxy's where nobody is answered. */
function isUnknown(error: unknown): boolean {
  return error instanceof GenesysRequestError && error.status === 404 && error.foreign;
}

/** One round of questions to Genesys: in bulk first, then singly where that was left open. */
export class LookupRound {
  private readonly byConversation: Map<string, InteractionRow[]>;
  private readonly databaseAheadMs: number;
  private readonly priority: LookupPriority;
  private heard = false;
  private failure: unknown;

  constructor(
    private readonly client: GenesysClient,
    private readonly bulk: BulkLookup<Finding>,
    private readonly terms: RoundTerms,
  ) {
    const { rows, now } = terms.due;
    this.byConversation = Map.groupBy(rows, (row) => row.conversation_id);
    this.databaseAheadMs = now - Date.now();
    const urgent = rows.some((row) => row.expires_at <= now || isUrgent(row.lookup_series, row.lookup_step));
    this.priority = urgent ? 'gap' : 'sweep';
  }

  /** Answers why not everybody was asked, if so. Rejects only with the signal's reason, and with what `replied` throws. */
  async ask(): Promise<unknown> {
    const { lane, signal } = this.terms;
    await this.bulk.ask(this.parts(), {
      request: async (ids) => findingsOf(await this.client.conversationDetails(ids, this.once())),
      neutral: () => this.client.conversationDetails([randomUUID()], this.once()),
      isThere: () => this.client.isThere(this.once()),
      told: (ids, view) => this.told(ids, view),
      hurry: lane === 'usual',
      signal,
    });
    return this.failure;
  }

  private parts(): string[][] {
    const ids = [...this.byConversation.keys()];
    switch (this.terms.lane) {
      case 'usual':
      case 'last':
        return [ids];
      case 'suspects':
        return partsOf(ids, SUSPECT_PARTS);
      case 'apart':
        return partsOf(ids, ids.length);
    }
  }

  /** What the bulk look-up settles is told at once; the rest when it was asked for singly. */
  private async told(ids: readonly string[], view: BulkView<Finding>): Promise<void> {
    if (view.state === 'answered') this.heard = true;
    if (view.state === 'away') this.failure = view.error;
    const settled = new Map<string, Reply>();
    for (const id of ids) {
      const reply = this.settledBy(view, id);
      if (reply) settled.set(id, reply);
    }
    await this.terms.replied(settled);
    const open = ids.filter((id) => !settled.has(id));
    const unasked = new Map<string, Reply>();
    await atOnce(open, SINGLES_AT_ONCE, async (id) => {
      if (this.maySend(id)) await this.terms.replied(new Map([[id, await this.askSingly(id, view)]]));
      else unasked.set(id, this.withoutSingle(id, view));
    });
    await this.terms.replied(unasked);
  }

  private settledBy(view: BulkView<Finding>, id: string): Reply | undefined {
    if (view.state === 'away') return { state: 'unasked', failure: view.error };
    if (view.state === 'suspected') return view;
    if (view.state === 'failed' && this.terms.lane !== 'apart') return { state: 'culprit' };
    if (view.state !== 'answered') return undefined;
    const rows = this.rowsOf(id);
    const finding = view.found.get(id);
    const works = this.fitting(finding?.finished, rows);
    const enough = this.isLast(id)
      ? rows.every((row) => works.some((work) => completes(work, row)))
      : works.length > 0 || !(finding?.unclear ?? this.isOld(id));
    return enough ? { state: 'answered', works, complete: false } : undefined;
  }

  private maySend(id: string): boolean {
    const { reserve } = this.terms;
    return this.failure === undefined && this.client.spare() > (this.isLast(id) ? reserve.last : reserve.usual);
  }

  /** The bulk look-up's answer has to do, where there is one. */
  private withoutSingle(id: string, view: BulkView<Finding>): Reply {
    const works = view.state === 'answered' ? this.fitting(view.found.get(id)?.finished, this.rowsOf(id)) : [];
    const enough = works.length > 0 || (view.state === 'answered' && !this.isLast(id));
    return enough ? { state: 'answered', works, complete: false } : { state: 'unasked', failure: this.failure };
  }

  private async askSingly(id: string, view: BulkView<Finding>): Promise<Reply> {
    const { signal } = this.terms;
    const rows = this.rowsOf(id);
    const told = (view.state === 'answered' && view.found.get(id)?.finished) || [];
    const found = this.fitting(told, rows, this.isLast(id));
    const needed = view.state !== 'answered' || this.isLast(id);
    try {
      const patience = needed ? signal : AbortSignal.any([signal, AbortSignal.timeout(SHORT_MS)]);
      const conversation = await this.client.conversation(id, { ...this.once(), signal: patience });
      this.heard = true;
      const more = conversation ? workOfConversation(id, conversation).finished : [];
      return this.together(this.fitting([...told, ...more], rows, this.isLast(id)), view, id);
    } catch (error) {
      signal.throwIfAborted();
      if (isUnknown(error) && (await this.isHeard())) return this.together(found, view, id);
      const own = needed && (await this.isOwn(error));
      if (needed && !own) this.failure = error;
      if (!own) return this.withoutSingle(id, view);
      return found.length > 0 ? { state: 'answered', works: found, complete: false } : { state: 'failed', error };
    }
  }

  /** After an answered single request. Analytics may know work of a conversation that cannot be asked for singly any more. */
  private together(works: AfterCallWork[], view: BulkView<Finding>, id: string): Reply {
    const untold = works.length === 0 && this.isLast(id);
    if (untold && (view.state === 'failed' || view.state === 'refused')) return { state: 'failed', error: view.error };
    return { state: 'answered', works, complete: view.state === 'answered' || view.state === 'forbidden' };
  }

  /** Whether a single request failed because of its conversation: one that nobody knows tells. */
  private async isOwn(error: unknown): Promise<boolean> {
    const blame = blameOf(error);
    if (blame !== 'passing') return blame === 'question';
    try {
      await this.client.conversation(randomUUID(), this.once());
      return true;
    } catch (neutral) {
      this.terms.signal.throwIfAborted();
      return blameOf(neutral) === 'question';
    }
  }

  /** Whether Genesys answered anybody in this round; if need be, it is asked. */
  private async isHeard(): Promise<boolean> {
    this.heard ||= await this.client.isThere(this.once());
    return this.heard;
  }

  /** Each request is sent once: the next look-up comes anyway. */
  private once(): LookupOptions {
    return { signal: this.terms.signal, tries: 1, priority: this.priority };
  }

  private rowsOf(id: string): InteractionRow[] {
    return this.byConversation.get(id) ?? [];
  }

  /** Whether analytics should know the conversation by now. */
  private isOld(id: string): boolean {
    return this.rowsOf(id).some((row) => row.accepted_at <= this.terms.due.now - OLD_MS);
  }

  /** Whether somebody's time is over: each is then asked for alone unless its work was found. */
  private isLast(id: string): boolean {
    return this.rowsOf(id).some((row) => row.expires_at <= this.terms.due.now);
  }

  /**
   * The work that completes one of them, the earliest first. When all were asked at the end of somebody's time (`atLast`), work
   * of who was only alerted counts as well, after that of others: better than to expire.
   */
  private fitting(
    found: readonly AfterCallWork[] | undefined,
    rows: InteractionRow[],
    atLast = false,
  ): AfterCallWork[] {
    const clockBehindMs = this.databaseAheadMs - (this.client.clockOffsetMs() ?? this.databaseAheadMs);
    return (found ?? [])
      .toSorted(byRank)
      .map((work) => (clockBehindMs > SAME_CLOCK_MS ? { ...work, clockBehindMs } : work))
      .map(({ outranked, ...work }) => (outranked && !atLast ? { ...work, outranked } : work))
      .filter((work) => rows.some((row) => completes(work, row)));
  }
}
