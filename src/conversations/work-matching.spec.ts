import type { InteractionRow } from '../storage/schema.js';
import type { AfterCallWork } from './after-call-work.js';
import { completes, heardTooOld, matchWork } from './work-matching.js';

const ACCEPTED_AT = 1_000_000;

function interaction(id: string, fields: Partial<InteractionRow> = {}): InteractionRow {
  return { id, conversation_id: 'c1', agent_id: '', accepted_at: ACCEPTED_AT, ...fields } as InteractionRow;
}

function work(fields: Partial<AfterCallWork> = {}): AfterCallWork {
  return { obtainedBy: 'event', conversationId: 'c1', userId: 'u1', endedAt: ACCEPTED_AT + 1, ...fields };
}

describe('completes', () => {
  it.each([
    ['any agent when none was named', {}, {}, true],
    ['the agent that was named', { agent_id: 'u1' }, {}, true],
    ['another agent', { agent_id: 'u2' }, {}, false],
    ['work without an agent, when one was named', { agent_id: 'u1' }, { userId: undefined }, false],
    ['another conversation', {}, { conversationId: 'c2' }, false],
    ['work from just before, within the grace of 60 s', {}, { endedAt: ACCEPTED_AT - 60_000 }, true],
    ['work from before that', {}, { endedAt: ACCEPTED_AT - 60_001 }, false],
    [
      'work from before that, by a clock that is behind',
      {},
      { endedAt: ACCEPTED_AT - 61_000, clockBehindMs: 5_000 },
      true,
    ],
    [
      'work from before that, by a clock that is behind by less',
      {},
      { endedAt: ACCEPTED_AT - 66_000, clockBehindMs: 5_000 },
      false,
    ],
    ['outranked work, when no agent was named', {}, { outranked: true }, false],
    ['outranked work of the agent that was named', { agent_id: 'u1' }, { outranked: true }, true],
    ['work without a time', {}, { endedAt: undefined }, true],
  ])('%s', (_name, fields, workFields, expected) => {
    const { endedAt, userId, ...rest } = work(workFields as Partial<AfterCallWork>);
    const given = {
      ...rest,
      ...(endedAt === undefined ? {} : { endedAt }),
      ...(userId === undefined ? {} : { userId }),
    };
    expect(completes(given, interaction('i1', fields))).toBe(expected);
  });
});

describe('heardTooOld', () => {
  const old = { endedAt: ACCEPTED_AT - 60_001 };
  const heard = (works: AfterCallWork[], ...rows: InteractionRow[]): string[] =>
    heardTooOld(works, rows).map((row) => row.id);

  it('names those whose only events are too old', () => {
    const rows = [interaction('i1'), interaction('i2', { accepted_at: ACCEPTED_AT - 10 })];
    expect(heard([work(old), work({ ...old, sessionId: 's2' })], ...rows)).toEqual(['i1']);
  });

  it.each<[string, AfterCallWork[]]>([
    ['a later event beside the old one', [work(old), work()]],
    ['an old look-up', [work({ ...old, obtainedBy: 'lookup' })]],
    ['an event of another agent', [work({ ...old, userId: 'u2' })]],
    ['an event of another conversation', [work({ ...old, conversationId: 'c2' })]],
    ['nothing', []],
  ])('says nothing of %s', (_name, works) => {
    expect(heard(works, interaction('i1', { agent_id: 'u1' }))).toEqual([]);
  });
});

describe('matchWork', () => {
  const pairs = (works: AfterCallWork[], rows: InteractionRow[]): string[] =>
    matchWork(works, rows).map(({ interaction: row, work: done }) => `${row.id}:${done.sessionId}`);

  it('completes each interaction once, by the first work that fits', () => {
    expect(pairs([work({ sessionId: 's1' }), work({ sessionId: 's2' })], [interaction('i1')])).toEqual(['i1:s1']);
  });

  it('gives each agent of a transfer the own work', () => {
    const rows = [interaction('i1', { agent_id: 'u1' }), interaction('i2', { agent_id: 'u2' })];
    const works = [work({ sessionId: 's2', userId: 'u2' }), work({ sessionId: 's1', userId: 'u1' })];
    expect(pairs(works, rows)).toEqual(['i2:s2', 'i1:s1']);
  });

  it('lets one piece of work complete the interactions of several customers', () => {
    expect(pairs([work({ sessionId: 's1' })], [interaction('i1'), interaction('i2')])).toEqual(['i1:s1', 'i2:s1']);
  });

  it('keeps conversations apart', () => {
    const rows = [interaction('i1'), interaction('i2', { conversation_id: 'c2' })];
    expect(pairs([work({ conversationId: 'c2', sessionId: 's1' })], rows)).toEqual(['i2:s1']);
  });
});
