import type { DetailEvent } from '../conversations/detail-events.js';
import type { DirectPayload } from './direct-filter.js';

/** The tutorial names three types; which happening becomes which is not documented, so this is a guess. */
export function updateOf(conversationId: string, { name, body }: DetailEvent): DirectPayload {
  const { eventTime, conversationId: _same, ...facts } = body;
  return {
    conversationId,
    eventType: name.endsWith('.end') || name === 'acw' ? 'StatusChanged' : 'ConversationUpdated',
    timestamp: new Date(Number(eventTime)).toISOString(),
    detail: name,
    ...facts,
  };
}

export interface MessageInput {
  text: string;
  direction?: 'INBOUND' | 'OUTBOUND' | undefined;
}

export function messageAdded(conversationId: string, id: string, message: MessageInput, now: number): DirectPayload {
  const { text, direction = 'INBOUND' } = message;
  return {
    conversationId,
    eventType: 'MessageAdded',
    timestamp: new Date(now).toISOString(),
    message: { id, text, direction },
  };
}
