const PREFIX = 'v2.detail.events.conversation.';
const TOPIC = /^v2\.detail\.events\.conversation\.([^.]+)\.(.+)$/;

/** Every kind of detail event that Genesys has for a conversation (its notification catalogue). */
export const DETAIL_KINDS = [
  'acd.end',
  'acd.start',
  'acw',
  'attributes',
  'contact',
  'customer.end',
  'customer.start',
  'flow.end',
  'flow.outcome',
  'flow.start',
  'outbound',
  'user.end',
  'user.start',
  'voicemail.end',
  'voicemail.start',
  'wrapup',
] as const;

export function detailTopic(conversationId: string, kind: string): string {
  return `${PREFIX}${conversationId}.${kind}`;
}

/** Conversation and kind of a topic; undefined for another sort of topic. */
export function detailOf(topic: string): { conversationId: string; kind: string } | undefined {
  const [, conversationId, kind] = TOPIC.exec(topic.toLowerCase()) ?? [];
  return conversationId === undefined || kind === undefined ? undefined : { conversationId, kind };
}
