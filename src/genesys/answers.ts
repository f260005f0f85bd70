import type { HttpAnswer } from '../common/http-exchange.js';
import { oneLine } from '../common/one-line.js';
import { correlationOf, isForeign } from './error-body.js';
import { GenesysAnswerError } from './genesys.errors.js';
import type { AvailableTopic, GenesysChannel, ListedChannel, TopicState, WrapupCodePage } from './genesys.types.js';

type Fields = Record<string, unknown>;

/** Longest reason of a rejected topic that is kept. */
const MAX_REASON = 500;

/** The JSON object of a successful answer. @throws GenesysAnswerError, which says nothing of the content. */
export function objectOf(answer: HttpAnswer, operation: string): Fields {
  try {
    const value: unknown = JSON.parse(answer.body);
    if (isFields(value)) return value;
  } catch {
    // Said below, without the parser's message, which quotes the text.
  }
  throw badAnswer(answer, operation, 'a JSON object');
}

export function badAnswer(answer: HttpAnswer, operation: string, expected: string): GenesysAnswerError {
  return new GenesysAnswerError(
    `Genesys answered ${answer.status} to ${operation}, but not with ${expected} (${answer.body.length} characters). Check GENESYS_API_URL.`,
    { operation, status: answer.status, correlationId: correlationOf(answer), foreign: isForeign(answer) },
  );
}

export function channelOf(answer: HttpAnswer, operation: string): GenesysChannel {
  const { id, connectUri, expires } = objectOf(answer, operation);
  if (typeof id !== 'string' || id === '' || typeof connectUri !== 'string' || !/^wss?:\/\/./i.test(connectUri)) {
    throw badAnswer(answer, operation, 'an id and a connectUri (ws or wss)');
  }
  return { id, connectUri, ...expiryOf(expires) };
}

export function listedChannelsOf(entities: Fields[]): ListedChannel[] {
  return entities.map(({ id, expires }) => ({ ...(typeof id === 'string' ? { id } : {}), ...expiryOf(expires) }));
}

export function availableTopicsOf(entities: Fields[]): AvailableTopic[] {
  return entities.flatMap(({ id, requiresPermissions, permissionDetails, transports }) => {
    if (typeof id !== 'string') return [];
    const details = Array.isArray(permissionDetails) ? permissionDetails.filter(isFields) : [];
    const permissions = [requiresPermissions, ...details.map((detail) => detail.permissions)].flatMap(textsOf);
    return { id, permissions: [...new Set(permissions)], transports: textsOf(transports) };
  });
}

/** Codes without an id or a name are skipped. */
export function wrapupCodesOf(answer: HttpAnswer, operation: string): WrapupCodePage {
  const { pageCount } = objectOf(answer, operation);
  const codes = entitiesOf(answer, operation).flatMap(({ id, name }) =>
    typeof id === 'string' && typeof name === 'string' && name !== '' ? [{ id, name }] : [],
  );
  return { codes, pages: typeof pageCount === 'number' && pageCount >= 1 ? pageCount : 1 };
}

/** `entities` of a listing; none is an empty listing. Entries that are no objects are skipped. */
export function entitiesOf(answer: HttpAnswer, operation: string): Fields[] {
  const { entities = [] } = objectOf(answer, operation);
  if (!Array.isArray(entities)) throw badAnswer(answer, operation, 'a list of entities');
  return entities.filter(isFields);
}

export function topicIdsOf(entities: Fields[]): string[] {
  return entities.map((entity) => entity.id).filter((id) => typeof id === 'string');
}

/**
 * One state for each topic that was asked for, in that order. The answer may list all topics of the channel or only the
 * new ones (docs/wire-facts.md §2.2), and topics may come back in another case; what is missing is `Unknown`.
 */
export function topicStatesOf(topics: readonly string[], entities: Fields[]): TopicState[] {
  const byId = new Map(entities.map((entity) => [String(entity.id).toLowerCase(), entity]));
  return topics.map((id) => {
    const entity = byId.get(id.toLowerCase());
    if (!entity) return { id, state: 'Unknown' };
    const { rejectionReason } = entity;
    const reason =
      typeof rejectionReason === 'string' ? { rejectionReason: oneLine(rejectionReason.slice(0, MAX_REASON)) } : {};
    return { id, state: stateOf(entity.state), ...reason };
  });
}

function expiryOf(expires: unknown): { expiresAt?: number } {
  const expiresAt = typeof expires === 'string' ? Date.parse(expires) : NaN;
  return Number.isNaN(expiresAt) ? {} : { expiresAt };
}

function textsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((entry) => typeof entry === 'string') : [];
}

function stateOf(state: unknown): TopicState['state'] {
  // Before 2023 the list had no states: a topic that is in it is subscribed.
  if (state === undefined || state === null) return 'Permitted';
  const lower = typeof state === 'string' ? state.toLowerCase() : '';
  return lower === 'permitted' ? 'Permitted' : lower === 'rejected' ? 'Rejected' : 'Unknown';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
