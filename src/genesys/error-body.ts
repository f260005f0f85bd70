import type { HttpAnswer } from '../common/http-exchange.js';
import { oneLine } from '../common/one-line.js';
import { shortHash } from '../common/short-hash.js';
import { ChannelGoneError, GenesysForbiddenError, GenesysRequestError, TooManyTopicsError } from './genesys.errors.js';
import type { GenesysFault } from './genesys.errors.js';

const TOO_MANY = 'notification.subscription.too.many.subscriptions';

/** Longest text of Genesys that goes into a message of ours. */
const MAX_TEXT = 300;

interface ErrorBody {
  message?: unknown;
  code?: unknown;
  contextId?: unknown;
  limit?: unknown;
  errors?: unknown;
}

/** The error for an answer that is no success. The body is read tolerantly: any part may be missing or of another type. */
export function errorOf(answer: HttpAnswer, operation: string, channelId?: string): GenesysRequestError {
  const body = bodyOf(answer.body);
  const codes = codesOf(body);
  const fault: GenesysFault = {
    operation,
    status: answer.status,
    genesysCode: codes[0],
    correlationId: correlationOf(answer) ?? text(body.contextId),
    foreign: isForeign(answer),
    limit: limitOf(body.limit),
  };
  const channel = channelId === undefined ? '' : ` on channel ${shortHash(channelId)}`;
  const said = withoutIds([codes[0], text(body.message)].filter((part) => part !== undefined).join(': '), channelId);
  const message = `Genesys answered ${answer.status} to ${operation}${channel}${said === '' ? '' : ` (${said})`}`;
  if (answer.status === 404 && channelId !== undefined && !isPage(answer))
    return new ChannelGoneError(`${message}: the channel does not exist any more.`, fault);
  if (answer.status === 403)
    return new GenesysForbiddenError(`${message}: check the roles of the OAuth client.`, fault);
  if (answer.status === 400 && (codes.includes(TOO_MANY) || /too many subscriptions/i.test(said))) {
    return new TooManyTopicsError(`${message}: the channel is full.`, fault);
  }
  return new GenesysRequestError(`${message}.`, fault);
}

/**
 * Whether this looks like an answer of something else: a proxy's page, a redirect, nothing at all. Genesys answers JSON, and
 * redirects nobody. JSON that is broken off counts as Genesys' where the header calls it JSON.
 */
export function isForeign(answer: HttpAnswer): boolean {
  if (answer.status >= 300 && answer.status < 400) return true;
  return !/json/i.test(answer.header('content-type') ?? '') && !isJsonObject(answer.body);
}

/** HEAD has no body to look at. */
function isPage(answer: HttpAnswer): boolean {
  const type = answer.header('content-type');
  return type !== undefined && !/json/i.test(type) && !isJsonObject(answer.body);
}

export function correlationOf(answer: HttpAnswer): string | undefined {
  return answer.header('inin-correlation-id')?.slice(0, 100);
}

function bodyOf(json: string): ErrorBody {
  return jsonObjectOf(json) ?? {};
}

/** Undefined for a proxy's page, or nothing at all. */
function jsonObjectOf(json: string): ErrorBody | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isJsonObject(json: string): boolean {
  return jsonObjectOf(json) !== undefined;
}

/** The body's own code, then those of the errors inside it. */
function codesOf(body: ErrorBody): string[] {
  const inner = Array.isArray(body.errors) ? (body.errors as (ErrorBody | null)[]) : [];
  return [body.code, ...inner.map((error) => error?.code)].map(text).filter((code) => code !== undefined);
}

function limitOf(value: unknown): GenesysFault['limit'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, namespace, value: amount } = value as Record<string, unknown>;
  return {
    ...(typeof key === 'string' ? { key } : {}),
    ...(typeof namespace === 'string' ? { namespace } : {}),
    ...(typeof amount === 'number' ? { value: amount } : {}),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;
}

/** Genesys may repeat the channel's id, which is a secret. */
function withoutIds(said: string, channelId: string | undefined): string {
  const known =
    channelId === undefined || channelId === '' ? said : said.replaceAll(channelId, `#${shortHash(channelId)}`);
  return oneLine(known).replace(/\bstreaming-[\w-]+/g, '[channel]');
}
