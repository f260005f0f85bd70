const PREFIX = 'v2.detail.events.conversation.';
const SUFFIX = '.acw';

/** The topic on which Genesys says that after-call work of this conversation is over. */
export function acwTopic(conversationId: string): string {
  return `${PREFIX}${conversationId}${SUFFIX}`;
}

/** The conversation of such a topic; undefined for any other topic. Compared without case, as SDKs do. */
export function conversationOfAcwTopic(topic: string): string | undefined {
  const name = topic.toLowerCase();
  if (!name.startsWith(PREFIX) || !name.endsWith(SUFFIX)) return undefined;
  return name.slice(PREFIX.length, -SUFFIX.length);
}
