import { conversationId } from './conversations.js';

// What the HTTP load generator sends: each request differs from the others, as real ones do.

export interface PreparedRequest {
  path: string;
  headers?: Record<string, string>;
  body: unknown;
}

const NOTIFICATION = '/genesys/1/notification';
/** The tag that everything here is published on, and what subscriptions to it and to more ask for. */
const TAG = 'bench.queue.calls';
const FILTERS = [TAG, 'bench.queue.*', 'bench.*', '*'] as const;

/** By kind of request; `no` counts the load's requests, `receivers` are URLs that take callbacks. */
export const REQUESTS = {
  interaction: (no) => ({
    path: '/customers/supportInteraction',
    body: {
      conversationId: conversationId(no),
      customerId: `C-${no}`,
      agentId: 'c1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf2',
      channel: 'CALL',
      subject: 'Invoice 77',
      notes: 'The caller asked for a copy of invoice 77.',
      attributes: { caseId: '88' },
    },
  }),
  /** For a user who is not connected: what is published waits for him. */
  cometSubscription: (no) => ({
    path: `${NOTIFICATION}/subscription`,
    headers: { gms_user: `user-${no}` },
    body: subscription(no, { type: 'comet' }),
  }),
  callbackSubscription: (no, receivers) => ({
    path: `${NOTIFICATION}/subscription`,
    body: subscription(no, { type: 'httpcb', deviceId: receivers[no % receivers.length] }),
  }),
  publication: (no) => ({
    path: `${NOTIFICATION}/publish`,
    body: { tag: TAG, message: message(no) },
  }),
} satisfies Record<string, (no: number, receivers: readonly string[]) => PreparedRequest>;

export type RequestKind = keyof typeof REQUESTS;

/** Length of a published message. */
export const MESSAGE_BYTES = message(0).length;

function message(no: number): string {
  return JSON.stringify({ conversationId: conversationId(no), state: 'waiting', position: 7 });
}

function subscription(no: number, notificationDetails: Record<string, unknown>): Record<string, unknown> {
  return { subscriberId: `subscriber-${no}`, filter: FILTERS[no % FILTERS.length], notificationDetails };
}
