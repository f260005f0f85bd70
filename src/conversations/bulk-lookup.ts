import { atOnce } from '../common/at-once.js';
import { GenesysForbiddenError, GenesysRequestError } from '../genesys/genesys.errors.js';
import { blameOf, isTimeout } from './lookup-blame.js';

/** Ids of one request; what production clients send. */
const MOST_IDS = 100;
/** Requests at once while a batch is taken apart. */
const AT_ONCE = 4;
/** Parts of a request that was not answered in time: each level costs the whole time-out, so there are few. */
const PARTS_OF_SLOW = 10;
/** Parts of one that was answered with a failure: each part costs a request. */
const PARTS = 2;
/** For how long look-ups in bulk that are refused are left alone: a missing permission is granted by people. */
const REFUSED_MS = 10 * 60_000;
/** For how long they are left alone while they are out of order. */
const OUT_MS = 60_000;
/** For how long no more ids go into one request than were answered, once more of them were not. */
const SMALL_FOR_MS = 60 * 60_000;
/** So old an answer to the neutral question still tells how things are. */
const FRESH_MS = 1_000;

/** What a look-up in bulk tells of one conversation. */
export type BulkView<Found> =
  /** Genesys answered. Whoever is not in `found` is not known to it. */
  | { state: 'answered'; found: ReadonlyMap<string, Found> }
  /** Their request was not answered in time, because of somebody in it. */
  | { state: 'suspected' }
  /** It failed when nobody else was in it, although others are answered. */
  | { state: 'failed'; error: unknown }
  | Paused
  /** Genesys was away: nothing can be asked. */
  | { state: 'away'; error: unknown };

/** Even a conversation that nobody knows cannot be asked for. */
export type Paused =
  /** A permission is missing: no answer in bulk is to be had. */
  | { state: 'forbidden'; error: unknown }
  /** They are answered with a refusal of another kind. */
  | { state: 'refused'; error: unknown }
  /** They are out of order, while Genesys answers other questions. */
  | { state: 'out'; error: unknown };

export interface BulkQuestion<Found> {
  /** Answers those of the conversations that Genesys knows. */
  request: (ids: readonly string[]) => Promise<ReadonlyMap<string, Found>>;
  /** The same question about a conversation that nobody knows: tells whether look-ups in bulk work at all. */
  neutral: () => Promise<unknown>;
  /** Whether Genesys answers other questions at this moment. */
  isThere: () => Promise<boolean>;
  /** Told for every conversation, once, as soon as it is known. */
  told: (ids: readonly string[], view: BulkView<Found>) => Promise<void>;
  /** Whether nobody can wait until it is found out who of a request kept it from being answered in time. */
  hurry: boolean;
  signal: AbortSignal;
}

/**
 * Look-ups of many conversations in one request. Where one fails, a question about a conversation that nobody knows tells
 * whether that is because of whom it asks for. If so, it is taken apart until the culprit is alone; if nobody is to blame, the
 * next batches are no larger than what was answered.
 */
export class BulkLookup<Found> {
  private size = MOST_IDS;
  private smallUntil = -Infinity;
  private paused: { view: Paused; until: number } | undefined;
  /** The latest answer to the neutral question, or the one under way. */
  private examined: { at: number; view: Promise<BulkView<Found> | undefined> } | undefined;

  /**
   * @param onPaused told when look-ups in bulk begin to be left alone, not again each time that they are found so
   * @param now monotonic time in ms
   */
  constructor(
    private readonly onPaused: (view: Paused) => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** How many conversations the next batch may have. */
  get most(): number {
    return this.now() < this.smallUntil ? this.size : MOST_IDS;
  }

  /** Asks for each part in a request of its own. Rejects with the signal's reason, and with what `told` throws. */
  async ask(parts: readonly (readonly string[])[], question: BulkQuestion<Found>): Promise<void> {
    let largest = 0;
    let blameless = true;
    const asked = Math.max(0, ...parts.map((part) => part.length));
    const askPart = async (part: readonly string[]): Promise<readonly (readonly string[])[]> => {
      const view = await this.viewOf(part, question);
      if (view.state === 'answered') largest = Math.max(largest, part.length);
      if (view.state === 'failed' || view.state === 'suspected') blameless = false;
      if (view.state !== 'apart') await question.told(part, view);
      return view.state === 'apart' ? view.parts : [];
    };
    for (let level = parts; level.length > 0;) level = (await atOnce(level, AT_ONCE, askPart)).flat();
    // Nobody is to blame: they were too many, or too large together.
    if (blameless && largest > 0 && largest < asked) this.stayBelow(largest);
  }

  private async viewOf(
    part: readonly string[],
    { request, hurry, signal, ...question }: BulkQuestion<Found>,
  ): Promise<BulkView<Found> | { state: 'apart'; parts: readonly string[][] }> {
    if (this.paused && this.now() < this.paused.until) return this.paused.view;
    try {
      const found = await request(part);
      this.paused = undefined;
      return { state: 'answered', found };
    } catch (error) {
      signal.throwIfAborted();
      if (blameOf(error) === 'genesys') return { state: 'away', error };
      const general = await this.examine({ ...question, signal });
      if (general) return general;
      if (part.length === 1) return { state: 'failed', error };
      const slow = isTimeout(error);
      return slow && hurry
        ? { state: 'suspected' }
        : { state: 'apart', parts: partsOf(part, slow ? PARTS_OF_SLOW : PARTS) };
    }
  }

  /** What is true of everybody at this moment; undefined while look-ups in bulk work. */
  private examine(question: Pick<BulkQuestion<Found>, 'neutral' | 'isThere' | 'signal'>) {
    const now = this.now();
    if (this.examined && now - this.examined.at < FRESH_MS) return this.examined.view;
    const view = this.askNeutral(question);
    this.examined = { at: now, view };
    return view;
  }

  private async askNeutral({
    neutral,
    isThere,
    signal,
  }: Pick<BulkQuestion<Found>, 'neutral' | 'isThere' | 'signal'>): Promise<BulkView<Found> | undefined> {
    try {
      await neutral();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      switch (blameOf(error)) {
        case 'genesys':
          return { state: 'away', error };
        case 'passing':
          if (!(await isThere())) return { state: 'away', error };
          return this.pause({ state: 'out', error }, OUT_MS);
        case 'question':
          // That it is not known is an answer.
          if (error instanceof GenesysRequestError && error.status === 404) return undefined;
          return this.pause(
            { state: error instanceof GenesysForbiddenError ? 'forbidden' : 'refused', error },
            REFUSED_MS,
          );
      }
    }
  }

  private pause(view: Paused, forMs: number): Paused {
    if (this.paused?.view.state !== view.state) this.onPaused(view);
    this.paused = { view, until: this.now() + forMs };
    return view;
  }

  private stayBelow(size: number): void {
    this.size = size;
    this.smallUntil = this.now() + SMALL_FOR_MS;
  }
}

/** These ids in so many parts, or as many as there are ids. */
export function partsOf(ids: readonly string[], parts: number): string[][] {
  const size = Math.ceil(ids.length / parts);
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, n) => ids.slice(n * size, (n + 1) * size));
}
