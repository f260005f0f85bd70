import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { analyticsView } from './conversations/analytics-view.js';
import { conversationView, wrapupOf } from './conversations/conversation-view.js';
import type { Conversation } from './conversations/conversation.js';
import type { KnownConversations } from './conversations/known-conversations.js';
import { misshapen, type Shape, type View } from './conversations/shapes.js';
import type { LookupFaults } from './lookup-faults.js';
import type { GenesysOptions } from './options.js';
import { Refusal } from './refusal.js';

interface Parts {
  known: KnownConversations;
  faults: LookupFaults;
  options: () => GenesysOptions;
}

type Json = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The look-ups of docs/wire-facts.md §5; they agree with the events, `lookupLagMs` and `analyticsLagMs` later, or by the conversation's own lag. */
export function lookupRoutes(server: FastifyInstance, { known, faults, options }: Parts): void {
  const ending = new AbortController();
  server.addHook('onClose', () => ending.abort());

  const seen = (id: string, view: View): Conversation | undefined =>
    known.asSeen(id, view, view === 'single' ? options().lookupLagMs : options().analyticsLagMs);
  const found = (id: string, view: View): Conversation => {
    const conversation = seen(id, view);
    if (!conversation) throw Refusal.notFound();
    return conversation;
  };

  const singleOf = (conversation: Conversation): Json =>
    shaped(conversationView(conversation), known.shapeOf(conversation.id), 'single');
  const analyticsOf = (conversation: Conversation): Json =>
    shaped(analyticsView(conversation), known.shapeOf(conversation.id), 'analytics');

  /** Lets what was ordered about one of these conversations happen; true when that was the answer. */
  const isSpoilt = async (ids: readonly string[], view: View, reply: FastifyReply): Promise<boolean> => {
    const fault = faults.of(ids, view);
    if (!fault) return false;
    if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal: ending.signal });
    if (fault.status !== undefined && fault.status !== 200) throw Refusal.withStatus(fault.status);
    await reply.type('application/json').send('{"conversations":[{"conversationId":"');
    return true;
  };

  // "Get active conversations for the logged in user": a service has none (docs/wire-facts.md §5.1).
  server.get('/api/v2/conversations', async () => ({ entities: [] }));

  server.get('/api/v2/conversations/:id', async (request, reply) => {
    const id = param(request, 'id');
    if (await isSpoilt([id], 'single', reply)) return reply;
    return singleOf(found(id, 'single'));
  });

  server.get('/api/v2/conversations/:id/participants/:participantId/wrapup', async (request) => {
    const { legs } = found(param(request, 'id'), 'single');
    const leg = legs.find((candidate) => candidate.participantId === param(request, 'participantId'));
    const provisional = String((request.query as { provisional?: string }).provisional ?? 'false') === 'true';
    const { wrapup } = wrapupOf(leg?.work) as { wrapup?: Record<string, unknown> };
    if (!wrapup || (wrapup['provisional'] === true && !provisional)) throw Refusal.notFound();
    return wrapup;
  });

  server.get('/api/v2/analytics/conversations/:id/details', async (request, reply) => {
    const id = param(request, 'id');
    if (await isSpoilt([id], 'analytics', reply)) return reply;
    return analyticsOf(found(id, 'analytics'));
  });

  server.get('/api/v2/analytics/conversations/details', async (request, reply) => {
    const { analyticsMaxIds } = options();
    const ids = idsOf(request);
    if (ids.length > analyticsMaxIds)
      throw new Refusal(400, 'bad.request', `Too many ids: ${ids.length}, at most ${analyticsMaxIds}.`);
    if (await isSpoilt(ids, 'analytics', reply)) return reply;
    const known = ids.map((id) => seen(id, 'analytics')).filter((conversation) => conversation !== undefined);
    return { conversations: known.map(analyticsOf) };
  });
}

function shaped(view: Json, shape: Shape | undefined, kind: View): Json {
  return shape && (shape.view === undefined || shape.view === kind) ? misshapen(view, shape, kind) : view;
}

/** `id=a,b` and `id=a&id=b` are both in use (docs/wire-facts.md §5.3). */
function idsOf(request: FastifyRequest): string[] {
  const { id = [] } = request.query as { id?: string | string[] };
  const ids = [...new Set([id].flat().flatMap((value) => value.split(',')))].filter((value) => value !== '');
  const bad = ids.find((value) => !UUID.test(value));
  if (bad !== undefined) throw new Refusal(400, 'bad.request', `[${bad.slice(0, 50)}] is not a conversation id.`);
  return ids;
}

function param(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? '';
}
