/** The topics that this simulator knows, with their permission where one is known (docs/wire-facts.md §4.6: likely this one, and not sure). */
export interface CatalogueTopic {
  id: string;
  description: string;
  requiresPermissions: string[];
}

const DETAIL = ['analytics:conversationDetail:view'];

const detailEvents = [
  'acd.end', 'acd.start', 'acw', 'attributes', 'contact', 'customer.end', 'customer.start', 'flow.end', 'flow.outcome',
  'flow.start', 'outbound', 'user.end', 'user.start', 'voicemail.end', 'voicemail.start', 'wrapup',
]; // prettier-ignore
const mediaLists = [
  'callbacks',
  'calls',
  'chats',
  'cobrowseSessions',
  'emails',
  'messages',
  'screenshares',
  'socialexpressions',
  'videos',
];

const other = [
  'v2.analytics.conversation.{id}.metrics',
  'v2.conversations.{id}.agentchecklist',
  'v2.conversations.{id}.suggestions.intent',
  'v2.conversations.{id}.suggestions.knowledge.article',
  'v2.conversations.{id}.suggestions.knowledge.search',
  'v2.conversations.{id}.suggestions.response',
  'v2.conversations.{id}.suggestions.script',
  'v2.conversations.{id}.suggestions.thirdpartyaction',
  'v2.conversations.{id}.transcription',
  'v2.detail.events.agent.{id}.state',
  'v2.speechandtextanalytics.conversation.{id}.empathy',
  'v2.speechandtextanalytics.conversation.{id}.sentiment',
  'v2.speechandtextanalytics.conversation.{id}.topics',
  'v2.speechandtextanalytics.conversations.{id}.categories',
  'v2.users.{id}.activity',
  'v2.users.{id}.conversationsummary',
  'v2.users.{id}.presence',
  'v2.users.{id}.routingStatus',
];

const topic = (id: string, requiresPermissions: string[] = []): CatalogueTopic => ({
  id,
  description: `Notifications of ${id}`,
  requiresPermissions,
});

/** System topics (`v2.system.…`, `channel.metadata`) are not in it: they come unasked and cannot be subscribed (docs/wire-facts.md §3.2i). */
export const catalogue: readonly CatalogueTopic[] = [
  ...detailEvents.map((name) => topic(`v2.detail.events.conversation.{id}.${name}`, DETAIL)),
  ...['users', 'routing.queues'].flatMap((owner) => [
    topic(`v2.${owner}.{id}.conversations`),
    ...mediaLists.map((media) => topic(`v2.${owner}.{id}.conversations.${media}`)),
  ]),
  ...other.map((id) => topic(id)),
];

const patterns = catalogue.map((entry) => ({
  entry,
  pattern: new RegExp(`^${entry.id.replaceAll('.', '\\.').replaceAll('{id}', '[A-Za-z0-9_-]{1,64}')}$`),
}));

/** The catalogue's entry for a topic with its ids filled in. */
export function catalogued(topicId: string): CatalogueTopic | undefined {
  return patterns.find(({ pattern }) => pattern.test(topicId))?.entry;
}
