import { Agent, request } from 'undici';
import { KEYS } from '../helpers/environment.js';
import type { GatewayUnit } from './gateway-unit.js';

export interface Reply {
  status: number;
  body: Record<string, unknown>;
  text: string;
}

interface CallOptions {
  as?: keyof typeof KEYS | 'nobody';
  body?: object;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** What calls the gateway from outside. A call that nobody answers gives undefined. */
export class Callers {
  private readonly agent = new Agent({ connections: 64, keepAliveTimeout: 4_000 });

  async call(
    unit: GatewayUnit,
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { as = 'intake', body, headers = {}, timeoutMs = 5_000 }: CallOptions = {},
  ): Promise<Reply | undefined> {
    if (unit.url === undefined) return undefined;
    try {
      const answer = await request(unit.url + path, {
        method,
        dispatcher: this.agent,
        headers: {
          ...headers,
          ...(as === 'nobody' ? {} : { authorization: `Bearer ${KEYS[as]}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: parse(text), text };
    } catch {
      // Nobody there, a reset, or too slow: for a caller it is all the same.
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
