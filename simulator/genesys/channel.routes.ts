import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { tokenOf } from './api-server.js';
import type { Channel } from './channel.js';
import type { ChannelRegistry } from './channel-registry.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';
import { catalogue } from './topic-catalogue.js';
import { judge, type TopicRow } from './topics.js';

interface Parts {
  channels: ChannelRegistry;
  options: () => GenesysOptions;
  /** `ws://host:port/channels/{id}` */
  connectUri(channelId: string): string;
}

const BASE = '/api/v2/notifications';
const SUBSCRIPTIONS = `${BASE}/channels/:channelId/subscriptions`;
const topicList = z.array(z.object({ id: z.string().min(1) }));

/** The eight notification operations (docs/wire-facts.md §2). */
export function channelRoutes(server: FastifyInstance, parts: Parts): void {
  const { channels, options } = parts;
  const channelOf = (request: FastifyRequest): Channel =>
    channels.get((request.params as { channelId: string }).channelId);
  const describe = (channel: Channel): Record<string, string> => ({
    connectUri: parts.connectUri(channel.id),
    id: channel.id,
    expires: new Date(channel.expiresAt).toISOString(),
  });

  server.post(`${BASE}/channels`, async (request) => {
    // Clients send no body or an empty object (docs/wire-facts.md §2).
    if (!z.strictObject({}).optional().safeParse(request.body).success) throw Refusal.withStatus(400);
    return describe(channels.create(tokenOf(request)));
  });

  server.get(`${BASE}/channels`, async (request) => {
    const wanted = includeChannels(request);
    const own = (channel: Channel): boolean => channel.token === tokenOf(request);
    const listed = channels.list().filter((channel) => wanted === 'oauthclient' || own(channel));
    // Those of other tokens "will be presented to show their existence", without id.
    const entities = listed.map((channel) =>
      own(channel) ? describe(channel) : { expires: describe(channel).expires },
    );
    return { entities };
  });

  server.head(`${BASE}/channels/:channelId`, async (request, reply) => {
    channelOf(request);
    return reply.send();
  });

  server.get(SUBSCRIPTIONS, async (request) => listing(channelOf(request)));

  server.post(SUBSCRIPTIONS, async (request) => {
    const channel = channelOf(request);
    const { accepted, rejected } = judged(request, options());
    channels.add(channel, accepted, 'rest');
    const added = options().subscribeAnswer === 'added' ? accepted.map((topic) => topic.id) : undefined;
    return listing(channel, rejected, added);
  });

  server.put(SUBSCRIPTIONS, async (request) => {
    const channel = channelOf(request);
    const { accepted, rejected } = judged(request, options());
    channels.replace(channel, accepted);
    return listing(channel, rejected);
  });

  server.delete(SUBSCRIPTIONS, async (request, reply) => {
    const channel = channelOf(request);
    channels.remove(channel, [...channel.topics.keys()], 'rest');
    return reply.status(options().deleteAnswer).send();
  });

  server.get(`${BASE}/availabletopics`, async (request) => {
    const expand = expansions(request);
    return { entities: catalogue.map((topic) => expandTopic(topic, expand)) };
  });
}

function judged(request: FastifyRequest, { forbiddenTopics }: GenesysOptions): ReturnType<typeof judge> {
  const topics = topicList.safeParse(request.body);
  if (!topics.success) throw Refusal.withStatus(400);
  const { ignoreErrors = 'false' } = request.query as { ignoreErrors?: string };
  if (!['true', 'false'].includes(String(ignoreErrors).toLowerCase()))
    throw invalidValue(String(ignoreErrors), 'Boolean', ['true', 'false']);
  const ids = topics.data.map((topic) => topic.id);
  return judge(ids, forbiddenTopics, String(ignoreErrors).toLowerCase() === 'true');
}

function listing(channel: Channel, rejected: TopicRow[] = [], only?: string[]): { entities: TopicRow[] } {
  const permitted = (only ?? [...channel.topics.keys()]).map((id): TopicRow => ({
    id,
    state: 'Permitted',
    selfUri: `${BASE}/channels/${channel.id}/subscriptions/${encodeURIComponent(id)}`,
  }));
  return { entities: [...permitted, ...rejected] };
}

/** A client sends `Token` and `OAuthClient`: case does not matter (docs/wire-facts.md §2). */
function includeChannels(request: FastifyRequest): 'token' | 'oauthclient' {
  const { includechannels = 'token' } = request.query as { includechannels?: string };
  const value = String(includechannels).toLowerCase();
  if (value === 'token' || value === 'oauthclient') return value;
  throw invalidValue(value, 'includechannels', ['token', 'oauthclient']);
}

const EXPANSIONS = [
  'description', 'enforced', 'schema', 'visibility', 'transports', 'publicApiTemplateUriPaths', 'requiresPermissions',
  'permissionDetails', 'topicParameters',
] as const; // prettier-ignore

function expansions(request: FastifyRequest): string[] {
  const { expand = [] } = request.query as { expand?: string | string[] };
  const wanted = [expand].flat().flatMap((value) => value.split(','));
  const unknown = wanted.find((value) => !(EXPANSIONS as readonly string[]).includes(value));
  if (unknown !== undefined) throw invalidValue(unknown, 'expand', [...EXPANSIONS]);
  return wanted;
}

function expandTopic(topic: (typeof catalogue)[number], expand: string[]): Record<string, unknown> {
  const { requiresPermissions: permissions } = topic;
  const all: Record<string, unknown> = {
    description: topic.description,
    enforced: permissions.length > 0,
    schema: {},
    visibility: 'Public',
    transports: ['All'],
    publicApiTemplateUriPaths: [],
    requiresPermissions: permissions,
    permissionDetails: permissions.length > 0 ? [{ type: 'requiresPermissions', permissions, enforced: true }] : [],
    topicParameters: ['id'],
  };
  return { id: topic.id, ...Object.fromEntries(expand.map((name) => [name, all[name]])) };
}

function invalidValue(value: string, type: string, allowed: string[]): Refusal {
  const message = `Value [${value}] is not valid for field type [${type}]. Allowable values are: ${allowed.join(', ')}`;
  return new Refusal(400, 'invalid.value', message);
}
