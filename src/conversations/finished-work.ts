import type {
  AnalyticsConversation,
  AnalyticsParticipant,
  AnalyticsSegment,
  AnalyticsSession,
  Conversation,
  ConversationCommunication,
  ConversationParticipant,
  ConversationWrapup,
} from '../genesys/conversation-answers.js';
import { type AfterCallWork, channelOfMedia, directionOf, present } from './after-call-work.js';
import { type CommunicationList, customerOfCommunication, customerOfSession } from './customer-side.js';
import { type AgentsPart, rankedWork } from './precedence.js';

/** System literal for work that the agent was allowed to skip (docs/wire-facts.md §4.2); look-ups only say that it was skipped. */
const SKIPPED = 'ININ-WRAP-UP-SKIPPED';
/** Who does after-call work. */
const AGENTS = new Set(['agent', 'user']);

/** What a look-up tells of one conversation. */
export interface Finding {
  /** Finished work, in no particular order. */
  finished: AfterCallWork[];
  /**
   * The leg of an agent who talked is over and it cannot be seen yet whether its work is, or a part could not be read: the other
   * look-up may know more.
   */
  unclear: boolean;
}

/** Reads the analytics answer: work is a `wrapup` segment, finished when it has an end (docs/wire-facts.md §5.3). */
export function workOfAnalytics(conversation: AnalyticsConversation): Finding {
  const conversationId = conversation.conversationId?.toLowerCase() ?? '';
  const finding: Finding = { finished: [], unclear: false };
  const parts: AgentsPart[] = [];
  for (const participant of readable(conversation.participants, finding)) {
    if (!AGENTS.has(participant.purpose?.toLowerCase() ?? '')) continue;
    for (const session of readable(participant.sessions, finding)) {
      const work = workOfSession(conversationId, conversation, participant, session);
      const onlyAlerted = onlyRang(session);
      parts.push({ onlyAlerted, work, mayFollow: !work });
      const over = readable(session.segments, finding).every((segment) => segment.segmentEnd || isWrapup(segment));
      // A leg that only rang has no work as a rule: nobody else need be asked for it.
      if (!work && over && !onlyAlerted) finding.unclear = true;
    }
  }
  finding.finished = rankedWork(parts, !conversation.conversationEnd);
  return finding;
}

/** What analytics tells of each conversation, by its id in small letters. One that is listed twice has what both tell. */
export function findingsOf(conversations: readonly AnalyticsConversation[]): Map<string, Finding> {
  const findings = new Map<string, Finding>();
  for (const conversation of conversations) {
    const id = conversation.conversationId?.toLowerCase() ?? '';
    const { finished, unclear } = workOfAnalytics(conversation);
    const before = findings.get(id);
    findings.set(id, {
      finished: [...(before?.finished ?? []), ...finished],
      unclear: unclear || (before?.unclear ?? false),
    });
  }
  return findings;
}

function workOfSession(
  conversationId: string,
  conversation: AnalyticsConversation,
  participant: AnalyticsParticipant,
  session: AnalyticsSession,
): AfterCallWork | undefined {
  const segments = (session.segments ?? []).filter((segment) => segment !== null);
  const wrapups = segments.filter(isWrapup);
  const last = wrapups.at(-1);
  const skipped = session.acwSkipped === true;
  if (!skipped && (!last || wrapups.some((segment) => !segment.segmentEnd))) return undefined;
  const endedAt = timeOf(last?.segmentEnd ?? segments.at(-1)?.segmentEnd);
  // The code stands on one segment of the leg and is null on the rest (docs/wire-facts.md §5.3).
  const coded = segments.find((segment) => segment.wrapUpCode);
  const acwMs = session.metrics?.find((metric) => metric?.name === 'tAcw')?.value;
  return present<AfterCallWork>({
    obtainedBy: 'lookup',
    conversationId,
    participantId: participant.participantId,
    sessionId: session.sessionId,
    userId: participant.userId?.toLowerCase(),
    queueId: last?.queueId ?? segments.find((segment) => segment.queueId)?.queueId,
    channel: channelOfMedia(session.mediaType ?? undefined),
    direction: directionOf(session.direction ?? conversation.originatingDirection ?? undefined),
    ...customerOfSession(conversation, session),
    wrapupCode: coded?.wrapUpCode ?? (skipped ? SKIPPED : undefined),
    wrapupNotes: coded?.wrapUpNote,
    wrapupDurationMs: acwMs ?? between(wrapups[0]?.segmentStart, last?.segmentEnd),
    endedAt,
  });
}

/** Who answered has `interact` and `tTalk` (docs/wire-facts.md §5.3). */
function onlyRang({ segments, metrics }: AnalyticsSession): boolean {
  const types = new Set(segments?.map((segment) => segment?.segmentType?.toLowerCase()));
  const talked = types.has('interact') || metrics?.some((metric) => metric?.name?.startsWith('tTalk') === true);
  return types.has('alert') && talked !== true;
}

function isWrapup(segment: AnalyticsSegment): boolean {
  return segment.segmentType?.toLowerCase() === 'wrapup';
}

/** The medium of each list, as events call it. Social expressions have no name there (docs/wire-facts.md §4.3). */
const COMMUNICATIONS: Record<CommunicationList, string> = {
  calls: 'VOICE',
  chats: 'CHAT',
  emails: 'EMAIL',
  messages: 'MESSAGE',
  callbacks: 'CALLBACK',
  cobrowsesessions: 'COBROWSE',
  videos: 'VIDEO',
  screenshares: 'SCREENSHARE',
  internalMessages: 'INTERNALMESSAGE',
  socialExpressions: 'UNKNOWN',
};
const LISTS = Object.keys(COMMUNICATIONS) as CommunicationList[];

/** Reads `GET /conversations/{id}`: `afterCallWork.state` of each communication says whether work is over (docs/wire-facts.md §5.1). */
export function workOfConversation(conversationId: string, conversation: Conversation): Finding {
  const finding: Finding = { finished: [], unclear: false };
  const parts: AgentsPart[] = [];
  for (const participant of readable(conversation.participants, finding)) {
    if (!AGENTS.has(participant.purpose?.toLowerCase() ?? '')) continue;
    for (const list of LISTS) {
      for (const communication of readable(participant[list], finding)) {
        const work = workOfCommunication({ conversationId, conversation, participant, communication, list });
        const mayFollow = !work && stateOf(communication) !== 'notapplicable';
        parts.push({ onlyAlerted: onlyAlerted(communication), work, mayFollow });
      }
    }
  }
  finding.finished = rankedWork(parts, !conversation.endTime);
  return finding;
}

/** One agent's part by one medium. */
interface Part {
  conversationId: string;
  conversation: Conversation;
  participant: ConversationParticipant;
  communication: ConversationCommunication;
  list: CommunicationList;
}

function workOfCommunication(part: Part): AfterCallWork | undefined {
  const { conversationId, conversation, participant, communication, list } = part;
  const wrapup = communication.wrapup ?? participant.wrapup ?? undefined;
  const state = stateOf(communication);
  if (!isFinished(state, participant, wrapup)) return undefined;
  return present<AfterCallWork>({
    obtainedBy: 'lookup',
    conversationId,
    participantId: participant.id,
    sessionId: communication.id,
    userId: participant.userId?.toLowerCase(),
    queueId: participant.queueId,
    channel: channelOfMedia(COMMUNICATIONS[list]),
    direction: directionOf(communication.direction ?? undefined),
    ...customerOfCommunication(conversation, communication, list, COMMUNICATIONS[list]),
    wrapupCode: wrapup?.code ?? (state === 'skipped' ? SKIPPED : undefined),
    wrapupName: wrapup?.name,
    wrapupNotes: wrapup?.notes,
    // Seconds here, milliseconds in the event and in analytics.
    wrapupDurationMs: typeof wrapup?.durationSeconds === 'number' ? wrapup.durationSeconds * 1000 : undefined,
    endedAt: timeOf(communication.afterCallWork?.endTime ?? participant.endAcwTime ?? wrapup?.endTime),
  });
}

/** Who never answered has no `connectedTime`. */
function onlyAlerted({ startAlertingTime, connectedTime }: ConversationCommunication): boolean {
  return Boolean(startAlertingTime) && !connectedTime;
}

/** `unknown` is as good as none. */
function stateOf({ afterCallWork }: ConversationCommunication): string | undefined {
  const state = afterCallWork?.state?.toLowerCase();
  return state === 'unknown' ? undefined : state;
}

/**
 * `complete` and `skipped` are final, unless the wrap-up is a provisional save. Without a state (older conversations) the
 * participant's times tell. `notApplicable` is no work: a leg that was refused or that rang out ends so.
 */
function isFinished(
  state: string | undefined,
  participant: ConversationParticipant,
  wrapup: ConversationWrapup | undefined,
): boolean {
  if (wrapup?.provisional === true) return false;
  if (state === 'complete' || state === 'skipped') return true;
  return state === undefined && Boolean(participant.endAcwTime) && wrapup !== undefined;
}

/** The entries that could be read; one that could not may be the one that matters. */
function readable<T>(entries: readonly (T | null)[] | null | undefined, finding: Finding): T[] {
  const read = (entries ?? []).filter((entry) => entry !== null);
  if (read.length < (entries?.length ?? 0)) finding.unclear = true;
  return read;
}

function timeOf(iso: string | null | undefined): number | undefined {
  const time = iso ? Date.parse(iso) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

function between(from: string | null | undefined, to: string | null | undefined): number | undefined {
  const [start, end] = [timeOf(from), timeOf(to)];
  return start === undefined || end === undefined ? undefined : end - start;
}
