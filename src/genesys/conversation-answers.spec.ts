import { analyticsConversationsOf, conversationOf } from './conversation-answers.js';

describe('conversationOf', () => {
  it('reads what is right beside entries of no kind, and says where something was', () => {
    const call = { id: 's1', afterCallWork: { state: 'complete' } };
    const { participants } = conversationOf({
      id: 'c1',
      participants: [null, 7, 'agent', { id: 'p1', purpose: 'agent', calls: [call, null, 3] }],
    });
    expect(participants).toEqual([null, null, null, { id: 'p1', purpose: 'agent', calls: [call, null, null] }]);
  });

  it('takes a field of another type for absent', () => {
    const read = conversationOf({
      id: 5,
      participants: [{ id: {}, purpose: 'agent', userId: ['u'], wrapup: 'code', calls: [{ id: 's1', wrapup: 1 }] }],
    });
    expect(read).toMatchObject({ participants: [{ purpose: 'agent', calls: [{ id: 's1' }] }] });
    expect(read.id).toBeUndefined();
    expect(read.participants?.[0]?.userId).toBeUndefined();
    expect(read.participants?.[0]?.wrapup).toBeUndefined();
  });

  it('takes a list that is none for one entry that could not be read', () => {
    expect(conversationOf({ participants: 'none' }).participants).toEqual([null]);
    expect(conversationOf({ participants: [{ calls: { 0: 'none' } }] }).participants?.[0]?.calls).toEqual([null]);
  });

  it.each([null, undefined])('leaves a list that is %s', (participants) => {
    expect(conversationOf({ participants }).participants).toBe(participants);
  });
});

describe('analyticsConversationsOf', () => {
  it('reads each entry, and leaves out those that are no objects', () => {
    const session = { sessionId: 's1', segments: [null, { segmentType: 'wrapup' }], metrics: 'none' };
    const read = analyticsConversationsOf([
      null,
      'none',
      { conversationId: 'c1', participants: [{ purpose: 'agent', sessions: [null, session] }] },
    ]);
    expect(read).toEqual([
      {
        conversationId: 'c1',
        participants: [
          {
            purpose: 'agent',
            sessions: [null, { sessionId: 's1', segments: [null, { segmentType: 'wrapup' }], metrics: [null] }],
          },
        ],
      },
    ]);
  });
});
