import { analyticsConversationsOf, conversationOf } from '../genesys/conversation-answers.js';
import { workOfAnalytics, workOfConversation } from './finished-work.js';

const END = '2026-01-01T00:01:25Z';
const WRAPUP = { segmentType: 'wrapup', segmentStart: '2026-01-01T00:01:10Z', segmentEnd: END, wrapUpCode: 'code' };
const EXTERNAL = { externalContactId: 'x1', externalOrganizationId: 'o1' };

/** One finished work as analytics tells it, with these facts at the customer's and the agent's session. */
function inBulk(mediaType: string, customer: object, agent: object = {}, segment: object = {}): unknown {
  const [conversation] = analyticsConversationsOf([
    {
      conversationId: 'c1',
      participants: [
        { purpose: 'customer', ...EXTERNAL, sessions: [{ mediaType, ...customer }] },
        {
          purpose: 'agent',
          sessions: [
            { mediaType, ...agent, segments: [{ segmentType: 'interact', segmentEnd: END, ...segment }, WRAPUP] },
          ],
        },
      ],
    },
  ]);
  return conversation && workOfAnalytics(conversation).finished[0];
}

/** The same as the single look-up tells it. */
function singly(list: string, customer: object, agent: object = {}, communication: object = {}): unknown {
  const work = { afterCallWork: { state: 'complete', endTime: END }, wrapup: { code: 'code', name: 'Resolved' } };
  const conversation = conversationOf({
    participants: [
      { purpose: 'customer', ...EXTERNAL, ...customer, [list]: [communication] },
      { purpose: 'agent', [list]: [{ ...work, ...agent }] },
    ],
  });
  return workOfConversation('c1', conversation).finished[0];
}

describe('what look-ups tell of the customer', () => {
  const externals = { externalContactIds: ['x1'], externalOrganizationIds: ['o1'] };
  const scheduledAt = '2027-01-04T09:00:00.000Z';

  it('of an e-mail: addresses and subject', () => {
    const facts = { provider: 'PureCloud Email', addressFrom: 'customer@example.com', subject: 'My order' };
    const { provider, addressFrom, subject } = facts;
    const addressTo = 'support@example.org';
    expect(inBulk('email', { addressFrom, addressTo }, { provider }, { subject })).toMatchObject({
      ...externals,
      channel: 'EMAIL',
      media: { type: 'EMAIL', ...facts, addressTo },
    });
    const address = { address: 'customer@example.com' };
    expect(singly('emails', address, { provider, subject, direction: 'inbound' })).toMatchObject({
      ...externals,
      wrapupName: 'Resolved',
      media: { type: 'EMAIL', ...facts },
    });
    expect(singly('emails', address, { provider, direction: 'outbound' })).toMatchObject({
      media: { type: 'EMAIL', provider, addressTo: 'customer@example.com' },
    });
  });

  it('of a message: both addresses and its kind', () => {
    const media = { type: 'MESSAGE', messageType: 'SMS', addressFrom: '+358401234567', addressTo: '+358450000000' };
    const { addressFrom, addressTo } = media;
    expect(inBulk('message', { addressFrom, addressTo }, { messageType: 'sms' })).toMatchObject({ media });
    const addresses = {
      fromAddress: { addressNormalized: addressFrom, addressRaw: '040 1234567' },
      toAddress: { addressRaw: addressTo },
    };
    expect(singly('messages', {}, { type: 'sms' }, addresses)).toMatchObject({ media });
    expect(singly('messages', {}, { type: 'sms', ...addresses })).toMatchObject({ media });
  });

  it('of a callback: whom to call, and when', () => {
    const facts = { callbackNumbers: ['+1'], callbackUserName: 'Kim', callbackScheduledTime: '2027-01-04T09:00:00Z' };
    const callback = { numbers: ['+1'], userName: 'Kim', scheduledAt };
    expect(inBulk('callback', {}, facts)).toMatchObject({ media: { type: 'CALLBACK' }, callback });
    expect(singly('callbacks', {}, facts)).toMatchObject({ media: { type: 'CALLBACK' }, callback });
  });

  it('of a call: no more than there is', () => {
    const number = { ani: 'tel:+1' };
    for (const work of [inBulk('voice', number), singly('calls', number)]) {
      expect(work).toMatchObject({ ...number, media: { type: 'VOICE' } });
      expect(work).not.toHaveProperty('callback');
    }
  });
});
