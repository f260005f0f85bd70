import { blameOf } from './lookup-blame.js';

/** Ids of one request; what production clients send. */
const MOST_IDS = 100;
/** So many conversations that fail alone, and none that is answered: it is the bulk look-up itself that fails. */
const FAILS_ITSELF = 3;
/** For how long a bulk look-up that fails itself is left alone: a missing permission is granted by people. */
const PAUSE_MS = 10 * 60_000;
/** For how long no more ids go into one request than were answered, once more of them were not. */
const SMALL_FOR_MS = 60 * 60_000;

/** What asking for many conversations together came to. Whoever is in none of these was not answered. */
export interface BulkAnswer<Found> {
  /** Those whose request was answered, whether Genesys knows them or not. */
  answered: Set<string>;
  found: Map<string, Found>;
  /** Those whose request failed when nobody else was in it, each with its error. */
  culprits: Map<string, unknown>;
  /** Genesys was away: nothing else was asked. */
  failure?: unknown;
  /** Nobody was answered, not even alone: the bulk look-up itself is refused, and is left alone for a while. */
  refused?: unknown;
}

/**
 * Look-ups of many conversations in one request. A request that fails because of what is in it is halved until the culprit
 * is alone; where nobody is to blame, the next batch is no larger than what was answered.
 */
export class BulkLookup<Found> {
  private size = MOST_IDS;
  private smallUntil = -Infinity;
  private pausedUntil = -Infinity;
  /** Whether the latest batch had an answer: what fails alone is then to blame itself, and not the bulk look-up. */
  private works = false;

  /** @param now monotonic time in ms */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** How many conversations the next batch may have. */
  get most(): number {
    return this.now() < this.smallUntil ? this.size : MOST_IDS;
  }

  /**
   * @param request answers those of the conversations that Genesys knows
   * @param isThere whether Genesys answers others at this moment; only then is a failure that may pass a reason to halve
   */
  async ask(
    ids: readonly string[],
    request: (ids: readonly string[]) => Promise<ReadonlyMap<string, Found>>,
    isThere: () => Promise<boolean>,
  ): Promise<BulkAnswer<Found>> {
    const answer: BulkAnswer<Found> = { answered: new Set(), found: new Map(), culprits: new Map() };
    const parts = ids.length === 0 || this.now() < this.pausedUntil ? [] : [ids];
    let largest = 0;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      try {
        for (const [id, found] of await request(part)) answer.found.set(id, found);
        for (const id of part) answer.answered.add(id);
        largest = Math.max(largest, part.length);
      } catch (error) {
        const blame = blameOf(error);
        if (blame === 'genesys' || (blame === 'passing' && !(await isThere()))) {
          return { ...answer, failure: error };
        }
        if (part.length > 1) parts.unshift(...halvesOf(part));
        else answer.culprits.set(part[0] as string, error);
        if (answer.answered.size === 0 && answer.culprits.size >= FAILS_ITSELF) return this.pause(answer, error);
      }
    }
    this.learn(answer, ids.length, largest);
    return answer;
  }

  /** Whether it says something about a conversation that it failed alone. */
  proves({ answered }: BulkAnswer<Found>): boolean {
    return answered.size > 0 || this.works;
  }

  private pause(answer: BulkAnswer<Found>, refused: unknown): BulkAnswer<Found> {
    this.pausedUntil = this.now() + PAUSE_MS;
    this.works = false;
    return { ...answer, culprits: new Map(), refused };
  }

  private learn({ answered, culprits }: BulkAnswer<Found>, asked: number, largest: number): void {
    if (answered.size > 0) this.works = true;
    // Nobody is to blame: they were too many, or too large together.
    if (culprits.size > 0 || largest === asked || largest === 0) return;
    this.size = largest;
    this.smallUntil = this.now() + SMALL_FOR_MS;
  }
}

function halvesOf(ids: readonly string[]): [readonly string[], readonly string[]] {
  const middle = Math.ceil(ids.length / 2);
  return [ids.slice(0, middle), ids.slice(middle)];
}
