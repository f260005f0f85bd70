import { eventLine } from '../../scripts/watch/event-line.js';

const TIME = '2026-01-31T12:00:00.000Z';
const EVENT = {
  conversationId: '4fce4357-7abc-44b9-81e5-64e1e9e0ccf1',
  eventType: 'wrapup',
  timestamp: TIME,
  eventTime: Date.parse(TIME),
  participantId: 'p-1',
  provider: 'Edge',
  mediaType: 'VOICE',
  conversationExternalContactIds: [],
  attributes: {},
  ani: null,
  dnis: '',
  heldDurationMs: 0,
  priority: 0,
  wrapupCode: 'two words',
};
const HEAD = `${TIME} ${EVENT.conversationId} wrapup         `;

describe('a line of npm run watch', () => {
  it('tells the time once, nothing that is empty, and ids last', () => {
    expect(eventLine(EVENT)).toBe(
      `${HEAD} mediaType=VOICE priority=0 wrapupCode="two words" participantId=p-1 provider=Edge`,
    );
  });

  it('shows a time that is another', () => {
    const { conversationId, eventType, timestamp } = EVENT;
    expect(eventLine({ conversationId, eventType, timestamp, eventTime: 'soon' })).toBe(`${HEAD} eventTime=soon`);
    expect(eventLine({ conversationId, eventType, timestamp })).toBe(HEAD.trimEnd());
  });

  it('is cut where a terminal ends, between characters', () => {
    const line = eventLine({ ...EVENT, mediaType: '\u{1f600}\u{1f600}' }, HEAD.length + 15);
    expect(line).toBe(`${HEAD} mediaType="\u{1f600}\u{1f600}…`);
    expect(eventLine({ ...EVENT, note: 'a\u001b[2Jb\n' })).not.toMatch(/\p{Cc}/u);
  });
});
