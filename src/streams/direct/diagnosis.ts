import type { DirectSocketEnd } from './direct-socket.js';

/** What is probably wrong with the direct stream, and what helps: the tutorial's table of errors. */
export interface Diagnosis {
  code: string;
  message: string;
}

export const NOT_CONFIRMED: Diagnosis = {
  code: 'stream.not-confirmed',
  message: 'Genesys has not confirmed the SubscriptionRequest in time; connecting again.',
};

const CLOSED_AT_ONCE: Diagnosis = {
  code: 'stream.closed-at-once',
  message:
    'Genesys closed the stream right after its opening, as it does when no SubscriptionRequest arrives within a few ' +
    'seconds. A proxy between may hold messages back; else the service may not know this kind of stream: ' +
    'GENESYS_STREAM=channels uses the documented one.',
};

const UNAUTHORIZED: Diagnosis = {
  code: 'stream.unauthorized',
  message:
    'Genesys refused the stream with 401: the access token is invalid, expired or missing. ' +
    'Check GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET.',
};

const TOO_MANY: Diagnosis = {
  code: 'stream.too-many-connections',
  message:
    'Genesys refused the stream with 429: the limit of WebSocket connections is per client id. This gateway uses one; ' +
    'other programs, or replicas, with the same GENESYS_CLIENT_ID use the others.',
};

/** @param quietMs for how long no event has come */
export function noEvents(quietMs: number): Diagnosis {
  return {
    code: 'stream.no-events',
    message:
      `The subscription is confirmed, but no event has come for ${Math.round(quietMs / 1000)} s: nothing happens in these ` +
      "conversations, the filter (conversationId, include, exclude) is too narrow, or the OAuth client's scope " +
      'conversation:read is missing. A stream without conversationId and include shows whether anything comes at all.',
  };
}

/** @param tokenError what the login answered; it holds no secret */
export function noToken(tokenError: Error): Diagnosis {
  return { code: 'stream.no-token', message: `There is no access token for the stream: ${tokenError.message}` };
}

/** Why a connection that was never confirmed has ended. */
export function diagnose(end: DirectSocketEnd, opened: boolean): Diagnosis {
  if (end.status === 401) return UNAUTHORIZED;
  if (end.status === 429) return TOO_MANY;
  if (opened) return CLOSED_AT_ONCE;
  return { code: 'stream.unreachable', message: `The stream could not be opened: ${end.reason}; connecting again.` };
}
