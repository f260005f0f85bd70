/**
 * What Genesys says over a channel's socket, read once into a closed set of kinds (docs/wire-facts.md §3.2). Replies to
 * subscribe and unsubscribe carry no `topicName`; `result` is a string; heartbeat texts are compared without case.
 */
export type Frame =
  | { kind: 'event'; topic: string; body: unknown }
  | { kind: 'heartbeat' }
  | { kind: 'pong' }
  | { kind: 'reply'; correlationId: string | undefined; result: string; message: string | undefined }
  | { kind: 'closing' }
  | { kind: 'no-longer-subscribed'; channelId: string | undefined }
  | { kind: 'token-revoked' }
  /** A system or metadata message that needs no action: new ones may appear at any time. */
  | { kind: 'other' }
  | { kind: 'malformed' };

export type FrameKind = Frame['kind'];

const NO_LONGER_SUBSCRIBED = 'no_longer_subscribed';
const TOKEN_REVOKED = 'token_revoked';
const SOCKET_CLOSING = 'socket_closing';

/** Never throws: what cannot be read is `malformed`, and the socket lives on. */
export function parseFrame(text: string): Frame {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { kind: 'malformed' };
  }
  if (!isObject(message)) return { kind: 'malformed' };
  const topic = message['topicName'];
  if (typeof topic === 'string') return ofTopic(topic, message['eventBody']);
  if (message['result'] !== undefined) return replyOf(message);
  return { kind: 'malformed' };
}

/** Why this channel is no more, as the frame says; undefined when it does not say so. */
export function saysGone(frame: Frame, channelId: string | undefined): string | undefined {
  if (frame.kind === 'no-longer-subscribed') {
    return frame.channelId === undefined || frame.channelId === channelId ? 'no longer subscribed' : undefined;
  }
  // A correlated reply goes to whoever asked; this one comes instead of it.
  const gone = frame.kind === 'reply' && frame.result === '404' && frame.correlationId === undefined;
  return gone ? 'Genesys answered 404' : undefined;
}

/** System messages are known by a word in their names, as the official client knows them (docs/wire-facts.md §3.2). */
function ofTopic(topic: string, body: unknown): Frame {
  const name = topic.toLowerCase();
  if (name === 'channel.metadata') return ofMetadata(body);
  if (!name.startsWith('v2.system.') && name !== 'v2.subscription.updated') return { kind: 'event', topic, body };
  if (name.includes(SOCKET_CLOSING)) return { kind: 'closing' };
  if (name.includes(NO_LONGER_SUBSCRIBED)) {
    return { kind: 'no-longer-subscribed', channelId: channelIdOf(topic, body) };
  }
  return name.includes(TOKEN_REVOKED) ? { kind: 'token-revoked' } : { kind: 'other' };
}

function ofMetadata(body: unknown): Frame {
  const text = isObject(body) && typeof body['message'] === 'string' ? body['message'].toLowerCase() : '';
  if (text === 'pong') return { kind: 'pong' };
  return text.includes('heartbeat') ? { kind: 'heartbeat' } : { kind: 'other' };
}

function replyOf(message: Record<string, unknown>): Frame {
  return {
    kind: 'reply',
    correlationId: textOf(message['correlationId']),
    result: String(message['result']),
    message: textOf(message['message']),
  };
}

/** The channel that a system message is about: its body's `channelId`, else what follows in the topic's name. */
function channelIdOf(topic: string, body: unknown): string | undefined {
  const stated = isObject(body) ? textOf(body['channelId']) : undefined;
  const end = topic.toLowerCase().indexOf(NO_LONGER_SUBSCRIBED) + NO_LONGER_SUBSCRIBED.length;
  return stated ?? textOf(topic.slice(end + 1));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
