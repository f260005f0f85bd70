import type { StateShown } from './conversation.js';
import type { ConversationPlan } from './plan.js';
import { planOf, type Story } from './story.js';

export interface PlannedConversation {
  /** What is out of the ordinary. */
  name: string;
  story: Story;
  plan: ConversationPlan;
}

/** Each happens in every day that is long enough: whatever makes conversations of the real service hard to read. */
const STORIES: readonly (Story & { name: string })[] = [
  { name: 'a call' },
  { name: 'a call to a customer', direction: 'OUTBOUND', notes: 'called back' },
  { name: 'an e-mail', mediaType: 'EMAIL', external: 'contact' },
  { name: 'an e-mail to a customer', mediaType: 'EMAIL', direction: 'OUTBOUND' },
  { name: 'a web message', mediaType: 'MESSAGE', wrapupName: 'Resolved' },
  {
    name: 'a text message',
    mediaType: 'MESSAGE',
    contact: { addressFrom: '+358401234567', addressTo: '+358450000000', messageType: 'SMS' },
  },
  { name: 'a callback', mediaType: 'CALLBACK' },
  { name: 'a callback for later', mediaType: 'CALLBACK', contact: { callbackScheduledTime: Date.UTC(2027, 0, 4, 9) } },
  { name: 'a chat', mediaType: 'CHAT', external: 'organisation' },
  { name: 'a social expression', mediaType: 'SOCIALEXPRESSION' },
  { name: 'a call that one agent did not answer', unanswered: 1 },
  { name: 'a call that agents with work did not answer', unanswered: 2, unansweredWork: true },
  { name: 'an e-mail that an agent with work did not take', mediaType: 'EMAIL', unanswered: 1, unansweredWork: true },
  { name: 'a call handed over', transfer: 'TRANSFER', names: 'last' },
  { name: 'a call handed over, no agent named', transfer: 'TRANSFER_CONSULT' },
  { name: 'a message that was reopened', mediaType: 'MESSAGE', reopened: true },
  { name: 'work that timed out', ending: 'timeout' },
  { name: 'work that was skipped', ending: 'skipped' },
  { name: 'work of an unknown state', stateShown: 'unknown' },
  { name: 'work with an empty state', stateShown: 'empty' },
  { name: 'work without a state', stateShown: 'missing', mediaType: 'EMAIL' },
  { name: 'late analytics', analyticsLagMs: 20_000 },
  {
    name: 'another provider',
    provider: 'Genesys Cloud Voice',
    contact: { ani: 'tel:+18125550199', dnis: 'tel:+18005550100' },
  },
];

const MEDIA = ['VOICE', 'EMAIL', 'MESSAGE', 'CALLBACK', 'CHAT', 'SOCIALEXPRESSION', 'VIDEO'] as const;
const STATES: readonly (StateShown | undefined)[] = [undefined, 'unknown', 'empty', 'missing'];

/** A day of a contact centre: every story once, then conversations that combine them. The same seed gives the same day. */
export function mixedDay(seed: number, count: number = STORIES.length): PlannedConversation[] {
  const draw = drawsOf(seed);
  return Array.from({ length: count }, (_, nth) => {
    const { name, ...story } = STORIES[nth] ?? { name: 'a combination', ...storyFrom(draw) };
    return { name, story, plan: planOf(story, `day ${seed}, conversation ${nth}`) };
  });
}

/** A story from whole numbers: `draw(n)` gives one of 0 … n − 1. Zeros give the simplest. */
export function storyFrom(draw: (below: number) => number): Story {
  const oneOf = <T>(values: readonly T[]): T => values[draw(values.length)] as T;
  const stateShown = oneOf(STATES);
  const names = oneOf([undefined, 'first', 'last'] as const);
  const external = oneOf([undefined, 'contact', 'organisation'] as const);
  const transfer = oneOf([undefined, 'TRANSFER', 'TRANSFER_CONSULT', 'TRANSFER_CONFERENCE']);
  const lag = oneOf([undefined, 5_000, 20_000]);
  return {
    mediaType: oneOf(MEDIA),
    direction: oneOf(['INBOUND', 'OUTBOUND'] as const),
    unanswered: draw(3),
    unansweredWork: draw(2) === 1,
    reopened: draw(4) === 3,
    ending: oneOf(['code', 'code', 'timeout', 'skipped'] as const),
    alertMs: 2_000 + draw(10_000),
    talkMs: 60_000 + draw(60_000),
    workMs: 5_000 + draw(40_000),
    ...(transfer && { transfer }),
    ...(stateShown && { stateShown }),
    ...(names && { names }),
    ...(external && { external }),
    ...(lag && { analyticsLagMs: lag }),
    ...(draw(2) === 1 && { notes: 'called back' }),
    ...(draw(2) === 1 && { wrapupName: 'Resolved' }),
  };
}

/** Mulberry32: the same numbers for a seed everywhere. */
function drawsOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
