import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { serveCommands } from '../processes/worker.js';
import { supportInteractionSchema } from '../../src/conversations/interaction.schemas.js';

// What taking in an interaction cannot do without: Fastify, the same validation, an answer of the same form. Nothing is
// stored.

const commands = {
  async start(): Promise<string> {
    const server = Fastify();
    server.post('/customers/supportInteraction', async (request, reply) => {
      const checked = supportInteractionSchema.safeParse(request.body);
      if (!checked.success) return reply.status(400).send({ statusCode: 400, message: checked.error.message });
      const { conversationId, customerId } = checked.data;
      const id = randomUUID();
      const topic = `v2.detail.events.conversation.${conversationId}.acw`;
      const createdAt = new Date().toISOString();
      reply.status(202).header('location', `/customers/supportInteraction/${id}`);
      return { id, conversationId, customerId, status: 'accepted', topic, createdAt };
    });
    return server.listen({ host: '127.0.0.1', port: 0 });
  },
};

export type BareIntake = typeof commands;
serveCommands(commands);
