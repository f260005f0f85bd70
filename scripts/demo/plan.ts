import { randomUUID } from 'node:crypto';

/** How a conversation of the demo goes. */
export type Story = 'plain' | 'transfer' | 'timeout' | 'duplicate' | 'lost-event';

/** One conversation: its medium, its agents (each hands in an interaction of their own), and when things happen. */
export interface PlannedConversation {
  id: string;
  story: Story;
  mediaType: 'VOICE' | 'CHAT' | 'EMAIL' | 'MESSAGE' | 'CALLBACK';
  agents: string[];
  customerId: string;
  /** Milliseconds from the start of the demo. */
  beginsAt: number;
  /** How long after the beginning each agent finishes the after-call work, in milliseconds. */
  finishesAfter: number[];
}

/** What goes wrong while conversations go on, in milliseconds from the start of the demo. */
export const TROUBLE = {
  socketClosing: 7_000,
  droppedSocket: 12_000,
  historyDown: 16_000,
  historyUp: 19_000,
} as const;

const MEDIA = ['VOICE', 'CHAT', 'VOICE', 'EMAIL', 'VOICE', 'MESSAGE', 'CALLBACK'] as const;
/** Conversations begin over this time. */
const SPREAD_MS = 22_000;

/** A day of a contact centre: calls and chats all the time, and every tenth conversation is out of the ordinary. */
export function planDay(conversations: number): PlannedConversation[] {
  return Array.from({ length: conversations }, (_, index) => {
    const story = storyOf(index);
    const agents = Array.from({ length: story === 'transfer' ? 2 : 1 }, () => randomUUID());
    const talk = 600 + Math.random() * 3_000;
    return {
      id: randomUUID(),
      story,
      mediaType: MEDIA[index % MEDIA.length] as PlannedConversation['mediaType'],
      agents,
      customerId: `C-${1_000 + index}`,
      beginsAt: (index / conversations) * SPREAD_MS,
      finishesAfter: agents.map((_agent, nth) => talk + nth * 900),
    };
  });
}

function storyOf(index: number): Story {
  if (index % 10 === 3) return 'transfer';
  if (index % 10 === 6) return 'timeout';
  if (index % 20 === 8) return 'duplicate';
  return index % 50 === 19 ? 'lost-event' : 'plain';
}
