import { workOfEvent } from './after-call-work.event.js';

const TOPIC = 'v2.detail.events.conversation.0b5c2c4a-1111-4222-8333-944444444444.acw';

describe('workOfEvent', () => {
  it('reads every field', () => {
    const body = {
      eventTime: 1_767_225_600_123,
      conversationId: 'ignored: the topic counts',
      participantId: 'p1',
      sessionId: 's1',
      mediaType: 'VOICE',
      direction: 'INBOUND',
      ani: 'tel:+358401234567',
      dnis: 'tel:+358912345678',
      userId: 'ABC',
      queueId: 'q1',
      wrapupCode: 'ININ-WRAP-UP-TIMEOUT',
      wrapupNotes: 'called back',
      wrapupDurationMs: 15_000,
    };
    expect(workOfEvent(TOPIC, body)).toEqual({
      obtainedBy: 'event',
      conversationId: '0b5c2c4a-1111-4222-8333-944444444444',
      participantId: 'p1',
      sessionId: 's1',
      userId: 'abc',
      queueId: 'q1',
      channel: 'CALL',
      direction: 'INBOUND',
      ani: 'tel:+358401234567',
      dnis: 'tel:+358912345678',
      wrapupCode: 'ININ-WRAP-UP-TIMEOUT',
      wrapupNotes: 'called back',
      wrapupDurationMs: 15_000,
      endedAt: 1_767_225_600_123,
    });
  });

  it('leaves out what is null, absent, of a wrong type or UNKNOWN', () => {
    const body = { userId: null, wrapupCode: 7, eventTime: 'soon', direction: 'UNKNOWN', sessionId: 's1' };
    expect(workOfEvent(TOPIC, body)).toEqual({
      obtainedBy: 'event',
      conversationId: '0b5c2c4a-1111-4222-8333-944444444444',
      sessionId: 's1',
    });
  });

  it.each([9e15, -9e15, -1, 253_402_300_800_000, Number.MAX_VALUE])('takes the time %d as absent', (eventTime) => {
    expect(workOfEvent(TOPIC, { eventTime })).not.toHaveProperty('endedAt');
  });

  it.each([
    ['VOICE', 'CALL'],
    ['chat', 'CHAT'],
    ['EMAIL', 'EMAIL'],
    ['MESSAGE', 'MESSAGE'],
    ['CALLBACK', 'CALLBACK'],
    ['COBROWSE', 'OTHER'],
    ['SOMETHING_NEW', 'OTHER'],
  ])('calls the media type %s %s', (mediaType, channel) => {
    expect(workOfEvent(TOPIC, { mediaType })).toMatchObject({ channel });
  });

  it.each([
    ['another topic', 'v2.detail.events.conversation.1.wrapup', {}],
    ['no body', TOPIC, null],
    ['a text for a body', TOPIC, 'done'],
  ])('answers nothing for %s', (_name, topic, body) => {
    expect(workOfEvent(topic, body)).toBeUndefined();
  });
});
