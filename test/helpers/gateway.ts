import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import request from 'supertest';
import type { Simulator } from '../../simulator/index.js';
import { createGateway } from '../../src/bootstrap.js';
import type { StorageTarget } from '../../src/config/config.js';
import { type Environment, parseEnvironment } from '../../src/config/environment.js';
import { gatewayEnvironment, KEYS } from './environment.js';

/** A whole gateway in this process, listening on a port of its own. */
export interface RunningGateway {
  app: NestFastifyApplication;
  url: string;
  /** A request as the caller with that key; without one when `as` is `nobody`. */
  call(method: 'get' | 'post' | 'put' | 'delete', path: string, as?: keyof typeof KEYS | 'nobody'): request.Test;
  stop(): Promise<void>;
}

export async function startGateway(
  simulator: Simulator,
  target: StorageTarget,
  overrides: Environment = {},
): Promise<RunningGateway> {
  const app = await createGateway(parseEnvironment(gatewayEnvironment(simulator, target, overrides)));
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    call: (method, path, as = 'intake') => {
      const test = request(url)[method](path);
      return as === 'nobody' ? test : test.set('Authorization', `Bearer ${KEYS[as]}`);
    },
    stop: () => app.close(),
  };
}

export interface HandedIn {
  id: string;
  conversationId: string;
}

/** Hands in an interaction of a customer C-1, which must be accepted. */
export async function handIn(gateway: RunningGateway, conversationId: string = randomUUID()): Promise<HandedIn> {
  const { body } = await gateway
    .call('post', '/customers/supportInteraction')
    .send({ conversationId, customerId: 'C-1' })
    .expect(202);
  return { id: body.id as string, conversationId };
}
