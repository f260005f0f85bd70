import { contactOf, type Contact } from './contact.js';
import type { Leg, StateShown } from './conversation.js';
import { mediaOf } from './media.js';
import { idOf, type ConversationPlan } from './plan.js';

/** What makes a conversation what it is. Plain values, each optional and `{}` the simplest, so that a generator can make and shrink them. */
export interface Story {
  /** Default VOICE. */
  mediaType?: string;
  /** Default INBOUND. */
  direction?: 'INBOUND' | 'OUTBOUND';
  provider?: string;
  /** Agents who are alerted before, and do not answer; default none. */
  unanswered?: number;
  /** These have after-call work with a code all the same (docs/wire-facts.md §5.3). */
  unansweredWork?: boolean;
  /** The first who answers hands over to a second; in the events' spelling, e.g. TRANSFER. */
  transfer?: string;
  /** It was over ten minutes before, with work of another agent, and began again (docs/wire-facts.md §7.5). */
  reopened?: boolean;
  /** How after-call work ends; default `code`. */
  ending?: 'code' | 'timeout' | 'skipped';
  /** The single look-up tells the code's name. */
  wrapupName?: string;
  notes?: string;
  stateShown?: StateShown;
  /** Instead of the medium's usual ones. */
  contact?: Contact;
  /** Whether the customer is an external contact, of an organisation. */
  external?: 'contact' | 'organisation';
  analyticsLagMs?: number;
  /** Which agent is named where it is handed in; default none. */
  names?: 'first' | 'last';
  alertMs?: number;
  talkMs?: number;
  workMs?: number;
}

/** The timed after-call work ran out (docs/wire-facts.md §4.5). */
const TIMEOUT = 'ININ-WRAP-UP-TIMEOUT';
const SKIPPED = 'ININ-WRAP-UP-SKIPPED';
/** As captured: so long an alerted agent's work lasted, and so long before the handler's it ended. */
const UNANSWERED_WORK_MS = 57_000;
const PAUSE_MS = 600_000;

/** The plan of a conversation with this story. `name` makes its ids: other names, other conversations. */
export function planOf(story: Story, name: string): ConversationPlan {
  const { mediaType = 'VOICE', direction = 'INBOUND', provider, external, analyticsLagMs } = story;
  const cast = new Cast(story, name);
  let now = 1_000;
  if (story.reopened) now = cast.handler('before', now, {}).over + PAUSE_MS;
  for (let nth = 1; nth <= (story.unanswered ?? 0); nth++) now = cast.unanswered(`silent ${nth}`, now);
  const { transfer } = story;
  const first = cast.handler('first', now, transfer === undefined ? {} : { disconnectType: transfer });
  if (story.reopened && cast.legs[1]) cast.legs[1].reopens = true;
  const last = transfer === undefined ? first : cast.handler('last', first.left, {});
  const named = story.names && { first, last }[story.names].leg.userId;
  return {
    id: idOf(name),
    mediaType,
    direction,
    ...(provider !== undefined && { provider }),
    contact: {
      ...contactOf(mediaOf(mediaType), direction, story.contact ?? {}),
      ...(external && { externalContactId: idOf(`${name} contact`) }),
      ...(external === 'organisation' && { externalOrganizationId: idOf(`${name} organisation`) }),
    },
    queueId: idOf(`${name} queue`),
    legs: cast.legs,
    ...(analyticsLagMs !== undefined && { analyticsLagMs }),
    handIn: { at: Math.floor((first.answered + first.left) / 2), ...(named !== undefined && { agentId: named }) },
  };
}

interface Handled {
  leg: Leg;
  answered: number;
  left: number;
  over: number;
}

/** The agents, in the order in which they come in. */
class Cast {
  readonly legs: Leg[] = [];

  constructor(
    private readonly story: Story,
    private readonly name: string,
  ) {}

  /** Rings for a while, then the next is alerted; gives when. */
  unanswered(role: string, startedAt: number): number {
    const { alertMs = 4_000, unansweredWork } = this.story;
    const endedAt = startedAt + alertMs;
    const work: Leg['work'] = unansweredWork
      ? {
          state: 'complete',
          startedAt: endedAt,
          endedAt: endedAt + UNANSWERED_WORK_MS,
          code: idOf(`${this.name} code of ${role}`),
        }
      : { state: 'notApplicable', startedAt: endedAt };
    this.legs.push({ ...this.#part(role), startedAt, endedAt, disconnectType: 'CLIENT', work });
    return endedAt;
  }

  /** Answers, talks, and does after-call work. */
  handler(role: string, startedAt: number, { disconnectType = 'PEER' }: { disconnectType?: string }): Handled {
    const { alertMs = 4_000, talkMs = 60_000, workMs = 15_000, ending = 'code', stateShown } = this.story;
    const answered = startedAt + alertMs;
    const left = answered + talkMs;
    const over = ending === 'skipped' ? left : left + workMs;
    const { notes, wrapupName } = this.story;
    const said = {
      ...(notes !== undefined && { notes: `${notes} (${role})` }),
      ...(wrapupName !== undefined && { name: wrapupName }),
    };
    const outcome = {
      code: { code: idOf(`${this.name} code of ${role}`), ...said },
      timeout: { code: TIMEOUT },
      skipped: { code: SKIPPED },
    }[ending];
    const leg: Leg = {
      ...this.#part(role),
      startedAt,
      answeredAt: answered,
      endedAt: left,
      disconnectType,
      work: { state: ending === 'skipped' ? 'skipped' : 'complete', startedAt: left, endedAt: over, ...outcome },
      // Of work that was skipped only its state and `wrapupSkipped` tell; without the state nobody could know.
      ...(stateShown && ending !== 'skipped' && { stateShown }),
    };
    this.legs.push(leg);
    return { leg, answered, left, over };
  }

  #part(role: string): Pick<Leg, 'userId' | 'participantId' | 'sessionId' | 'queueId'> {
    const id = (what: string): string => idOf(`${this.name} ${role} ${what}`);
    return {
      userId: id('user'),
      participantId: id('participant'),
      sessionId: id('session'),
      queueId: idOf(`${this.name} queue`),
    };
  }
}
