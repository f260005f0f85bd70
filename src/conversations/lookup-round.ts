import type { GenesysClient } from '../genesys/genesys.client.js';
import { GenesysRequestError } from '../genesys/genesys.errors.js';
import type { InteractionRow } from '../storage/schema.js';
import type { AfterCallWork } from './after-call-work.js';
import type { BulkAnswer, BulkLookup } from './bulk-lookup.js';
import { type Finding, workOfAnalytics, workOfConversation } from './finished-work.js';
import { blameOf } from './lookup-blame.js';
import type { DueLookups } from './lookup.repository.js';
import { completes } from './work-matching.js';

/** `Date` headers have whole seconds and come some time after the work: less is no difference of clocks. */
const SAME_CLOCK_MS = 2_000;
/** So many single requests in a row that fail in a way that may pass: it is Genesys, and not their conversations. */
const TROUBLE = 3;

/** What became of the question about one conversation. */
export type Reply =
  /** @property alone whether it was asked for alone too, so that nothing more can be asked */
  | { state: 'answered'; works: AfterCallWork[]; alone: boolean }
  /** It was asked for alone, and that failed because of this conversation. */
  | { state: 'failed'; error: unknown }
  /** Genesys was away, or there was no room for a single request. */
  | { state: 'unasked' };

export interface RoundResult {
  /** By conversation. */
  replies: Map<string, Reply>;
  /** Conversations that have just been found to spoil look-ups in bulk. */
  culprits: string[];
  /** Why not everybody was asked. */
  failure?: unknown;
  /** Why the bulk look-up is left alone from now on. */
  refused?: unknown;
}

export interface RoundTerms {
  due: DueLookups;
  /** Their time is over: each is asked for alone unless its work was found. */
  last: boolean;
  /** Single requests are made while more requests than this could be sent at once. */
  reserve: number;
  signal: AbortSignal;
}

/** A 404 without Genesys' words: its own where it answers others, and a proxy's where nobody is answered. */
function isUnknown(error: unknown): boolean {
  return error instanceof GenesysRequestError && error.status === 404 && error.foreign;
}

/** One round of questions to Genesys: in bulk first, then singly where that was left open. */
export class LookupRound {
  private readonly byConversation: Map<string, InteractionRow[]>;
  /** A failure that may pass is looked into when it is not the first of those who are asked for. */
  private readonly repeated: boolean;
  private readonly databaseAheadMs: number;
  private there: Promise<boolean> | undefined;
  private heard = false;
  private failuresInARow = 0;
  private failure: unknown;

  constructor(
    private readonly client: GenesysClient,
    private readonly bulk: BulkLookup<Finding>,
    private readonly terms: RoundTerms,
  ) {
    const { rows, now } = terms.due;
    this.byConversation = Map.groupBy(rows, (row) => row.conversation_id);
    this.repeated = rows.some((row) => row.lookup_failures > 0);
    this.databaseAheadMs = now - Date.now();
  }

  /** Rejects only with the signal's reason. */
  async ask(): Promise<RoundResult> {
    const together = [...this.byConversation].filter(([, rows]) => rows.every((row) => row.lookup_alone === 0));
    const answer = await this.bulk.ask(
      together.map(([id]) => id),
      (ids) => this.details(ids),
      () => this.isThere(),
    );
    this.heard = answer.answered.size > 0;
    this.failure = answer.failure;
    const replies = new Map<string, Reply>();
    for (const [id, rows] of this.byConversation) replies.set(id, await this.replyFor(id, rows, answer));
    const culprits = this.bulk.proves(answer) ? [...answer.culprits.keys()] : [];
    return { replies, culprits, failure: this.failure, refused: answer.refused };
  }

  private async details(ids: readonly string[]): Promise<Map<string, Finding>> {
    const answers = await this.client.conversationDetails(ids, this.options());
    return new Map(answers.map((each) => [each.conversationId?.toLowerCase() ?? '', workOfAnalytics(each)]));
  }

  private async replyFor(id: string, rows: InteractionRow[], bulk: BulkAnswer<Finding>): Promise<Reply> {
    const { last, reserve } = this.terms;
    const finding = bulk.found.get(id);
    const works = this.fitting(finding, rows);
    const answered: Reply = { state: 'answered', works, alone: false };
    const enough = last
      ? rows.every((row) => works.some((work) => completes(work, row)))
      : works.length > 0 || finding?.unclear === false;
    if (enough) return answered;
    const inBulk: Reply = (bulk.answered.has(id) && !last) || works.length > 0 ? answered : { state: 'unasked' };
    if (this.failure !== undefined || (!last && this.client.spare() <= reserve)) return inBulk;
    try {
      const conversation = await this.client.conversation(id, this.options());
      this.heard = true;
      this.failuresInARow = 0;
      const more = this.fitting(conversation && workOfConversation(id, conversation), rows);
      return { state: 'answered', works: [...works, ...more], alone: true };
    } catch (error) {
      this.terms.signal.throwIfAborted();
      if (isUnknown(error) && (await this.isHeard())) return { state: 'answered', works, alone: true };
      const own = await this.isOwn(error);
      if (!own) this.failure = error;
      return own && inBulk.state === 'unasked' ? { state: 'failed', error } : inBulk;
    }
  }

  /** Whether a single request failed because of its conversation. */
  private async isOwn(error: unknown): Promise<boolean> {
    const blame = blameOf(error);
    if (blame !== 'passing') return blame === 'question';
    this.failuresInARow += 1;
    return this.failuresInARow < TROUBLE && (this.heard || (await this.isThere()));
  }

  /** Whether Genesys answered anybody in this round; if need be, it is asked. */
  private async isHeard(): Promise<boolean> {
    this.heard ||= await this.client.isThere(this.options());
    return this.heard;
  }

  private isThere(): Promise<boolean> {
    if (!this.repeated) return Promise.resolve(false);
    return (this.there ??= this.client.isThere(this.options()));
  }

  /** What failed before is tried once: the next look-up comes anyway. */
  private options(): { signal: AbortSignal; tries?: number } {
    return { signal: this.terms.signal, ...(this.repeated ? { tries: 1 } : {}) };
  }

  /** The work that completes one of them, the earliest first. */
  private fitting(finding: Finding | undefined, rows: InteractionRow[]): AfterCallWork[] {
    const clockBehindMs = this.databaseAheadMs - (this.client.clockOffsetMs() ?? this.databaseAheadMs);
    return (finding?.finished ?? [])
      .map((work) => (clockBehindMs > SAME_CLOCK_MS ? { ...work, clockBehindMs } : work))
      .filter((work) => rows.some((row) => completes(work, row)))
      .sort((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0));
  }
}
