import { Refusal } from './refusal.js';
import { catalogued } from './topic-catalogue.js';

/** A topic as it was asked for; a combined one (`prefix?a&b`) counts once and stands for several (docs/wire-facts.md §2.5). */
export interface RequestedTopic {
  id: string;
  /** The topics under which events come. */
  expanded: string[];
}

/** One entry of a subscriptions answer (docs/wire-facts.md §2.1). */
export interface TopicRow {
  id: string;
  state: 'Permitted' | 'Rejected';
  rejectionReason?: string;
  missingPermissions?: string[];
  selfUri?: string;
}

export interface Judgement {
  accepted: RequestedTopic[];
  rejected: TopicRow[];
}

const COMBINED_MAX_LENGTH = 200;

/** Throws `notification.invalid.topic` for a topic that is not in the catalogue or a combined one that is too long. */
function expand(id: string): RequestedTopic {
  const [prefix = '', suffixes, ...more] = id.split('?');
  const expanded = suffixes === undefined ? [id] : suffixes.split('&').map((suffix) => `${prefix}.${suffix}`);
  const tooLong = suffixes !== undefined && id.length > COMBINED_MAX_LENGTH;
  if (more.length > 0 || tooLong || expanded.some((topic) => !catalogued(topic))) {
    throw new Refusal(400, 'notification.invalid.topic', `The subscription topic is not valid. [${id.slice(0, 250)}]`);
  }
  return { id, expanded };
}

function forbidden(topic: string, patterns: string[]): boolean {
  return patterns.some((pattern) => {
    const source = pattern.split('*').map((part) => part.replace(/[.?+^$()|[\]{}\\]/g, '\\$&'));
    return new RegExp(`^${source.join('.*')}$`).test(topic);
  });
}

function rejection(topic: string): TopicRow {
  const missing = catalogued(topic)?.requiresPermissions ?? [];
  const rejectionReason = `The user does not have permissions required for topic ${topic}`;
  return { id: topic, state: 'Rejected', rejectionReason, missingPermissions: missing };
}

/**
 * Checks the pattern of every topic and the permission for each.
 * Without `ignoreErrors` one forbidden topic fails all (403, docs/wire-facts.md §2). Twice the same topic is one.
 */
export function judge(ids: string[], forbiddenTopics: string[], ignoreErrors: boolean): Judgement {
  const judgement: Judgement = { accepted: [], rejected: [] };
  for (const requested of [...new Set(ids)].map(expand)) {
    const refused = requested.expanded.filter((topic) => forbidden(topic, forbiddenTopics));
    if (refused.length > 0 && !ignoreErrors) throw unauthorized(refused[0] ?? requested.id);
    judgement.rejected.push(...refused.map(rejection));
    const allowed = requested.expanded.filter((topic) => !refused.includes(topic));
    if (allowed.length > 0) judgement.accepted.push({ id: requested.id, expanded: allowed });
  }
  return judgement;
}

function unauthorized(topic: string): Refusal {
  const permission = catalogued(topic)?.requiresPermissions[0] ?? 'conversation:communication:view';
  const message = `The user does not have permission "${permission}" required for topic "${topic}"`;
  return new Refusal(403, 'notification.unauthorized.topic', message);
}
