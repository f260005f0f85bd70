import { randomUUID } from 'node:crypto';
import { startSimulator, type Simulator } from '../../simulator/index.js';
import type { StorageTarget } from '../../src/config/config.js';
import type { Environment } from '../../src/config/environment.js';
import { freshTarget } from './databases.js';
import { KEYS } from './environment.js';
import { startGateway, type RunningGateway } from './gateway.js';

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed where it is JSON. */
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- what an answer holds is what the tests find out
  text: string;
}

export interface Ask {
  method?: string;
  /** Text and bytes go out as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  as?: keyof typeof KEYS | 'nobody';
}

/** A gateway with its surroundings, for suites that only talk to it. */
export class Stage {
  private constructor(
    readonly simulator: Simulator,
    readonly gateway: RunningGateway,
    private readonly remove: () => Promise<void>,
  ) {}

  static async start(overrides: Environment = {}, kind: StorageTarget['kind'] = 'sqlite'): Promise<Stage> {
    const simulator = await startSimulator();
    const { target, remove } = await freshTarget(kind);
    return new Stage(simulator, await startGateway(simulator, target, overrides), remove);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.simulator.stop();
    await this.remove();
  }

  async ask(path: string, { method = 'GET', body, headers = {}, as = 'intake' }: Ask = {}): Promise<Answer> {
    const payload = toPayload(body);
    const answer = await fetch(`${this.gateway.url}${path}`, {
      method,
      headers: {
        ...(as === 'nobody' ? {} : { authorization: `Bearer ${KEYS[as]}` }),
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') ?? false;
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : text,
    };
  }

  async post(path: string, body: unknown, more: Omit<Ask, 'body' | 'method'> = {}): Promise<Answer> {
    return this.ask(path, { ...more, method: 'POST', body });
  }

  /** How many interactions are stored. */
  async total(): Promise<number> {
    return (await this.ask('/ops/ledger', { as: 'admin' })).body.total;
  }
}

/** Words that only the inside knows: stack traces, files, statements, drivers. */
export const INTERNALS = /\bat \S+ \(|node_modules|\.[jt]s\b|sqlite|postgres|select |insert |FST_ERR|zod/i;

export function newConversation(): string {
  return randomUUID();
}

function toPayload(body: unknown): string | Uint8Array<ArrayBuffer> | undefined {
  if (body === undefined || typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}
