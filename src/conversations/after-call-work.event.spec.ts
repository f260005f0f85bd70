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
      provider: 'Edge',
      addressFrom: 'customer@example.com',
      addressTo: 'support@example.org',
      subject: 'My order',
      messageType: 'sms',
      callbackNumbers: ['+358401234567', null, '+358401234567'],
      callbackUserName: 'Kim Customer',
      callbackScheduledTime: Date.UTC(2027, 0, 4, 9),
      conversationExternalContactIds: ['x1', 'x2'],
      conversationExternalOrganizationIds: ['o1'],
      utilizationLabel: 'not in the record',
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
      media: {
        type: 'VOICE',
        provider: 'Edge',
        messageType: 'SMS',
        addressFrom: 'customer@example.com',
        addressTo: 'support@example.org',
        subject: 'My order',
      },
      callback: { numbers: ['+358401234567'], userName: 'Kim Customer', scheduledAt: '2027-01-04T09:00:00.000Z' },
      externalContactIds: ['x1', 'x2'],
      externalOrganizationIds: ['o1'],
      endedAt: 1_767_225_600_123,
    });
  });

  it('leaves out what is null, absent, of a wrong type or UNKNOWN', () => {
    const body = {
      ...{ userId: null, wrapupCode: 7, eventTime: 'soon', direction: 'UNKNOWN', sessionId: 's1' },
      ...{ subject: null, provider: 1, callbackNumbers: [], callbackScheduledTime: 1e300 },
      ...{ conversationExternalContactIds: [null, 5, ''], conversationExternalOrganizationIds: 'o1' },
    };
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
