import type { AnalyticsConversation, ConversationParticipant } from '../genesys/conversation-answers.js';
import { findingsOf, workOfAnalytics, workOfConversation } from './finished-work.js';

const ID = '0b5c2c4a-1111-4222-8333-944444444444';

function analytics(session: object, participant: object = {}): AnalyticsConversation {
  return {
    conversationId: ID,
    originatingDirection: 'inbound',
    participants: [
      { participantId: 'customer', purpose: 'customer', sessions: [{ segments: [] }] },
      { participantId: 'p1', purpose: 'agent', userId: 'U1', sessions: [session], ...participant },
    ],
  };
}

const interact = { segmentType: 'interact', segmentStart: '2026-01-01T00:00:00Z', segmentEnd: '2026-01-01T00:01:10Z' };
const wrapup = {
  segmentType: 'wrapup',
  segmentStart: '2026-01-01T00:01:10Z',
  segmentEnd: '2026-01-01T00:01:25Z',
  queueId: 'q1',
  wrapUpCode: 'code',
  wrapUpNote: 'note',
};

describe('workOfAnalytics', () => {
  it('reads a finished wrap-up segment', () => {
    const session = { sessionId: 's1', mediaType: 'voice', direction: 'inbound', segments: [interact, wrapup] };
    expect(workOfAnalytics(analytics(session))).toEqual({
      unclear: false,
      finished: [
        {
          obtainedBy: 'lookup',
          conversationId: ID,
          participantId: 'p1',
          sessionId: 's1',
          userId: 'u1',
          queueId: 'q1',
          channel: 'CALL',
          direction: 'INBOUND',
          wrapupCode: 'code',
          wrapupNotes: 'note',
          wrapupDurationMs: 15_000,
          media: { type: 'VOICE' },
          endedAt: Date.parse('2026-01-01T00:01:25Z'),
        },
      ],
    });
  });

  it('finds the code on whichever segment it stands, and prefers the metric for the duration', () => {
    const session = {
      sessionId: 's1',
      metrics: [{ name: 'tAcw', value: 14_990 }],
      segments: [
        { ...interact, wrapUpCode: 'code' },
        { ...wrapup, wrapUpCode: null, wrapUpNote: null },
      ],
    };
    const [work] = workOfAnalytics(analytics(session)).finished;
    expect(work).toMatchObject({ wrapupCode: 'code', wrapupDurationMs: 14_990 });
  });

  it('takes a wrap-up without an end as not finished, and as unclear', () => {
    const session = { sessionId: 's1', segments: [interact, { ...wrapup, segmentEnd: null }] };
    expect(workOfAnalytics(analytics(session))).toEqual({ finished: [], unclear: true });
  });

  it('takes a leg that is still going on as not finished, and as clear', () => {
    const session = { sessionId: 's1', segments: [{ ...interact, segmentEnd: undefined }] };
    expect(workOfAnalytics(analytics(session))).toEqual({ finished: [], unclear: false });
  });

  it('knows skipped work', () => {
    const session = { sessionId: 's1', acwSkipped: true, segments: [interact] };
    expect(workOfAnalytics(analytics(session)).finished).toMatchObject([
      { wrapupCode: 'ININ-WRAP-UP-SKIPPED', endedAt: Date.parse('2026-01-01T00:01:10Z') },
    ]);
  });

  it("takes the customer's numbers before the agent's: those of a consultation are its own", () => {
    const session = { ani: 'tel:+1', dnis: 'tel:+2', mediaType: 'voice', segments: [interact, wrapup] };
    const conversation = analytics(session);
    const [customer, agent] = conversation.participants ?? [];
    const numbers = { ani: 'tel:+18125550199', dnis: 'tel:+18005550100', mediaType: 'voice' };
    const called = { ...customer, sessions: [{ mediaType: 'callback', ani: 'tel:+4' }, numbers] };
    expect(workOfAnalytics({ ...conversation, participants: [called, agent ?? null] }).finished).toMatchObject([
      { ani: 'tel:+18125550199', dnis: 'tel:+18005550100' },
    ]);
    expect(workOfAnalytics(conversation).finished).toMatchObject([{ ani: 'tel:+1', dnis: 'tel:+2' }]);
  });

  it('takes only agents, and survives nulls everywhere', () => {
    const session = { sessionId: 's1', segments: [interact, wrapup] };
    expect(workOfAnalytics(analytics(session, { purpose: 'ivr' })).finished).toEqual([]);
    expect(workOfAnalytics({ participants: null })).toEqual({ finished: [], unclear: false });
    expect(workOfAnalytics(analytics({ segments: null }, { sessions: null })).finished).toEqual([]);
  });
});

describe('findingsOf', () => {
  it.each(['first', 'last'])('keeps the work of a conversation that is listed twice: it stands in the %s', (place) => {
    const full = analytics({ sessionId: 's1', segments: [interact, wrapup] });
    const empty = { conversationId: ID.toUpperCase(), participants: [] };
    const findings = findingsOf(place === 'first' ? [full, empty] : [empty, full]);
    expect([...findings.keys()]).toEqual([ID]);
    expect(findings.get(ID)).toMatchObject({ unclear: false, finished: [{ sessionId: 's1', wrapupCode: 'code' }] });
  });

  it('is unclear where one of the two is', () => {
    const over = analytics({ sessionId: 's1', segments: [interact] });
    expect(findingsOf([over, analytics({ sessionId: 's2', segments: [interact, wrapup] })]).get(ID)?.unclear).toBe(
      true,
    );
  });
});

describe('workOfConversation', () => {
  const participant = (call: object, more: object = {}): { participants: ConversationParticipant[] } => ({
    participants: [
      { id: 'p1', purpose: 'agent', userId: 'u1', queueId: 'q1', calls: [{ id: 's1', ...call }], ...more },
    ],
  });
  const complete = { state: 'complete', startTime: '2026-01-01T00:01:10Z', endTime: '2026-01-01T00:01:25Z' };
  const saved = { code: 'code', notes: 'note', durationSeconds: 15, endTime: '2026-01-01T00:01:25Z' };

  it('reads complete work; seconds become milliseconds', () => {
    const found = workOfConversation(
      ID,
      participant({ direction: 'outbound', afterCallWork: complete, wrapup: saved }),
    );
    expect(found.finished).toEqual([
      {
        obtainedBy: 'lookup',
        conversationId: ID,
        participantId: 'p1',
        sessionId: 's1',
        userId: 'u1',
        queueId: 'q1',
        channel: 'CALL',
        direction: 'OUTBOUND',
        wrapupCode: 'code',
        wrapupNotes: 'note',
        wrapupDurationMs: 15_000,
        media: { type: 'VOICE' },
        endedAt: Date.parse('2026-01-01T00:01:25Z'),
      },
    ]);
  });

  it.each([
    ['pending work', { afterCallWork: { state: 'pending' } }, {}],
    ['no work at all', { afterCallWork: { state: 'notApplicable' } }, {}],
    ['an unknown state, and nothing else', { afterCallWork: { state: 'unknown' } }, {}],
    ['a provisional save', { afterCallWork: complete, wrapup: { ...saved, provisional: true } }, {}],
    ['work that has begun', {}, { startAcwTime: '2026-01-01T00:01:10Z', wrapup: saved }],
  ])('does not take %s as finished', (_name, call, more) => {
    expect(workOfConversation(ID, participant(call, more)).finished).toEqual([]);
  });

  it.each([
    ['missing', {}],
    ['unknown', { afterCallWork: { state: 'unknown' } }],
    ['unknown, in capitals', { afterCallWork: { state: 'UNKNOWN' } }],
    ['empty', { afterCallWork: {} }],
  ])('reads the times of the participant when the state is %s', (_name, call) => {
    const more = { endAcwTime: '2026-01-01T00:01:25Z', wrapup: saved };
    expect(workOfConversation(ID, participant(call, more)).finished).toMatchObject([{ wrapupCode: 'code' }]);
  });

  it.each<[list: 'socialExpressions' | 'internalMessages', channel: string]>([
    ['socialExpressions', 'OTHER'],
    ['internalMessages', 'OTHER'],
  ])('reads the work of %s', (list, channel) => {
    const [agent] = participant({}).participants;
    const { calls: _, ...rest } = agent as ConversationParticipant;
    const found = workOfConversation(ID, {
      participants: [{ ...rest, [list]: [{ id: 's1', afterCallWork: complete, wrapup: saved }] }],
    });
    expect(found.finished).toMatchObject([{ sessionId: 's1', wrapupCode: 'code', channel }]);
  });

  it("takes the numbers of the customer's side, not those of the agent's station", () => {
    const station = { ani: 'sip:+18125550199@10.87.26.159;user=phone', dnis: 'sip:61c4b1e2@localhost' };
    const [agent] = participant({ afterCallWork: complete, wrapup: saved }, station).participants;
    const acd = { purpose: 'acd', ani: 'tel:+1', dnis: 'tel:+2', calls: [{ id: 'a1' }] };
    const customer = { purpose: 'customer', ani: 'tel:+18125550199', dnis: 'tel:+18005550100', calls: [{ id: 'c1' }] };
    const external = { ...customer, purpose: 'external', ani: 'tel:+3' };
    const workWith = (...others: ConversationParticipant[]): unknown[] =>
      workOfConversation(ID, { participants: [...others, agent as ConversationParticipant] }).finished;
    const numbers = { ani: 'tel:+18125550199', dnis: 'tel:+18005550100' };
    expect(workWith(acd, external, customer)).toMatchObject([numbers]);
    expect(workWith(acd, external)).toMatchObject([{ ...numbers, ani: 'tel:+3' }]);
    const [alone] = workWith(acd);
    expect(alone).not.toHaveProperty('ani');
    expect(alone).not.toHaveProperty('dnis');
  });

  it('knows skipped work', () => {
    const call = { afterCallWork: { ...complete, state: 'skipped' } };
    expect(workOfConversation(ID, participant(call)).finished).toMatchObject([{ wrapupCode: 'ININ-WRAP-UP-SKIPPED' }]);
  });
});

describe('work of agents who did not answer', () => {
  const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  const OVER = { conversationEnd: at(9) };

  const silent = { segmentType: 'alert', segmentStart: at(0), segmentEnd: at(1) };
  const talk = { segmentType: 'interact', segmentStart: at(1), segmentEnd: at(5) };
  const worked = (minute: number): object => ({ ...wrapup, segmentStart: at(1), segmentEnd: at(minute) });

  /** Sessions of agents `u1`, `u2`, … in bulk. */
  function inBulk(conversation: object, ...sessions: object[]): string[] {
    const { finished } = workOfAnalytics({
      conversationId: ID,
      ...conversation,
      participants: sessions.map((session, n) => ({ purpose: 'agent', userId: `u${n + 1}`, sessions: [session] })),
    });
    return finished.map(({ userId, outranked }) => `${userId}${outranked === true ? ' outranked' : ''}`);
  }

  it.each<[what: string, conversation: object, sessions: object[], told: string[]]>([
    [
      'somebody talked and has finished later',
      OVER,
      [{ segments: [silent, worked(2)] }, { segments: [talk, worked(7)] }],
      ['u1 outranked', 'u2'],
    ],
    [
      'somebody talked, as only the metrics tell',
      OVER,
      [
        { segments: [silent, worked(2)], metrics: [{ name: 'tNotResponding', value: 1 }] },
        { segments: [silent, worked(7)], metrics: [{ name: 'tTalk', value: 1 }] },
      ],
      ['u1 outranked', 'u2'],
    ],
    [
      'somebody who talked has not finished',
      OVER,
      [{ segments: [silent, worked(2)] }, { segments: [talk] }],
      ['u1 outranked'],
    ],
    ['the conversation goes on', {}, [{ segments: [silent, worked(2)] }], ['u1 outranked']],
    ['nobody talked', OVER, [{ segments: [silent, worked(2)] }, { segments: [silent] }], ['u1']],
    [
      'who talked had finished before: of a conversation that was reopened, say',
      OVER,
      [{ segments: [talk, worked(6)] }, { segments: [silent, worked(8)] }],
      ['u1', 'u2'],
    ],
    ['nothing tells of an alert', {}, [{ segments: [worked(2)] }], ['u1']],
  ])('in bulk: %s', (_what, conversation, sessions, told) => {
    expect(inBulk(conversation, ...sessions)).toEqual(told);
  });

  const done = (minute: number): object => ({ afterCallWork: { state: 'complete', endTime: at(minute) } });
  const alerted = { startAlertingTime: at(0), ...done(2) };
  const answered = { startAlertingTime: at(0), connectedTime: at(1) };

  it.each<[what: string, conversation: object, calls: object[], told: string[]]>([
    [
      'somebody talked and has finished later',
      { endTime: at(9) },
      [alerted, { ...answered, ...done(7) }],
      ['u1 outranked', 'u2'],
    ],
    ['somebody who talked has not finished', { endTime: at(9) }, [alerted, answered], ['u1 outranked']],
    [
      'somebody who talked has no work to do',
      { endTime: at(9) },
      [alerted, { ...answered, afterCallWork: { state: 'notApplicable' } }],
      ['u1'],
    ],
    ['the conversation goes on', {}, [alerted], ['u1 outranked']],
    ['nobody talked', { endTime: at(9) }, [alerted], ['u1']],
    ['nothing tells of an alert', {}, [done(2)], ['u1']],
  ])('singly: %s', (_what, conversation, calls, told) => {
    const { finished } = workOfConversation(ID, {
      ...conversation,
      participants: calls.map((call, n) => ({ purpose: 'agent', userId: `u${n + 1}`, calls: [call] })),
    });
    expect(finished.map(({ userId, outranked }) => `${userId}${outranked === true ? ' outranked' : ''}`)).toEqual(told);
  });
});
