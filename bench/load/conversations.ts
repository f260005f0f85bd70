/**
 * Conversations of the benchmark: number 0, 1, 2 … and an id from which the number can be read back without a table. The
 * first part is scattered, as real ids are, so that the database's indexes are hit all over and not at their end.
 */
export function conversationId(no: number): string {
  return `${scattered(no)}-0000-4000-8000-${no.toString(16).padStart(12, '0')}`;
}

/** @param id as made by `conversationId` */
export function numberOf(id: string): number {
  return Number.parseInt(id.slice(24), 16);
}

/** The same scattering in SQL is in `seed/seed.ts`. */
function scattered(no: number): string {
  return ((no * SCATTER) % 2 ** 32).toString(16).padStart(8, '0');
}

/** Knuth's multiplier: neighbours come far apart. `no` stays below 2^21, so that the product is exact. */
export const SCATTER = 2_654_435_761;

const PREFIX = 'v2.detail.events.conversation.';
const SUFFIX = '.acw';

export function topicOf(no: number): string {
  return `${PREFIX}${conversationId(no)}${SUFFIX}`;
}

/** @param topic as made by `topicOf` */
export function numberOfTopic(topic: string): number {
  return numberOf(topic.slice(PREFIX.length, PREFIX.length + 36));
}

/** The frame of an after-call-work event as Genesys sends it (docs/wire-facts.md §3.2c and §4.4): about 1 KiB. */
export function eventFrame(no: number, now: number): string {
  return `{"topicName":"${topicOf(no)}"${BEFORE_TIME}${now}${AFTER_TIME}${conversationId(no)}${AFTER_ID}`;
}

const BODY = {
  eventTime: 0,
  conversationId: '{id}',
  participantId: '0f3c5a52-6f1d-4c39-9f4a-3a8d2b1c7e01',
  sessionId: '7f1d9a10-2b7e-4b1a-8c3d-5e9f0a1b2c3d',
  mediaType: 'VOICE',
  provider: 'Edge',
  direction: 'INBOUND',
  ani: 'tel:+491701234567',
  dnis: 'tel:+498912345678',
  addressTo: 'sip:service@example.org',
  addressFrom: 'sip:+491701234567@edge.example.org',
  userId: 'c1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf2',
  queueId: 'd1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf5',
  wrapupCode: 'f1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf6',
  wrapupNotes: 'The caller asked for a copy of invoice 77 and confirmed the address; nothing further to do.',
  wrapupDurationMs: 15_000,
  conversationExternalContactIds: ['5d6f2f8e-6a51-4f2d-9a38-2f6f0f6f3f10'],
  conversationExternalOrganizationIds: [],
};
const REST = JSON.stringify({
  version: '2',
  eventBody: BODY,
  metadata: { CorrelationId: '3d8d9f3e-52a7-4d5e-8d0c-1b1f4a0d7c11' },
});
const [BEFORE_TIME, AFTER_TIME, AFTER_ID] = ((): [string, string, string] => {
  const [before = '', rest = ''] = `,${REST.slice(1)}`.split('"eventTime":0');
  const [middle = '', after = ''] = rest.split('{id}');
  return [`${before}"eventTime":`, middle, after];
})();
