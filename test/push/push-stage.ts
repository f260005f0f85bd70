import type { StorageTarget } from '../../src/config/config.js';
import type { Environment } from '../../src/config/environment.js';
import { Database } from '../../src/storage/database.js';
import type { DeliveryRow } from '../../src/storage/schema.js';
import { Stage, type Answer, type Ask } from '../helpers/tables-stage.js';
import { Receiver } from './receiver.js';

export const API = '/genesys/1/notification';
export const GMS = 'com.genesyslab.gsg.services.notification';

/** Short waits between attempts, and callbacks to this machine. */
const SETTINGS: Environment = { PUSH_ALLOWED_HOSTS: '127.0.0.1', RETRY_BASE_MS: '5', RETRY_CAP_MS: '20' };

/** A gateway, and a service that it calls back. */
export class PushStage {
  private constructor(
    readonly stage: Stage,
    readonly receiver: Receiver,
  ) {}

  static async start(
    overrides: Environment = {},
    kind: StorageTarget['kind'] = 'sqlite',
    receiver?: Receiver,
  ): Promise<PushStage> {
    return new PushStage(await Stage.start({ ...SETTINGS, ...overrides }, kind), receiver ?? (await Receiver.start()));
  }

  async stop(): Promise<void> {
    await this.stage.stop();
    await this.receiver.stop();
  }

  get database(): Database {
    return this.stage.gateway.app.get(Database);
  }

  /** A valid subscription of a callback; `but` replaces fields. */
  subscription(filter: string, but: object = {}, path = '/'): Record<string, unknown> {
    return {
      subscriberId: 'service-1',
      filter,
      notificationDetails: { type: 'httpcb', deviceId: `${this.receiver.origin}${path}` },
      ...but,
    };
  }

  post(path: string, body: unknown, more: Omit<Ask, 'body' | 'method'> = {}): Promise<Answer> {
    return this.stage.post(`${API}${path}`, body, { as: 'publish', ...more });
  }

  delete(path: string, more: Omit<Ask, 'method'> = {}): Promise<Answer> {
    return this.stage.ask(`${API}${path}`, { as: 'publish', method: 'DELETE', ...more });
  }

  /** Subscribes and answers the id; expects the 200. */
  async subscribed(filter: string, but: object = {}, path = '/'): Promise<string> {
    const answer = await this.post('/subscription', this.subscription(filter, but, path));
    expect(answer).toMatchObject({ status: 200, body: { id: expect.any(String) } });
    return answer.body.id as string;
  }

  /** Publishes and answers the body; expects the 200. */
  async published(tag: string, message?: string, more: object = {}): Promise<{ id: string; matched: number }> {
    const answer = await this.post('/publish', { tag, ...(message === undefined ? {} : { message }), ...more });
    expect(answer).toMatchObject({ status: 200 });
    return answer.body as { id: string; matched: number };
  }

  deliveries(subscriptionId: string): Promise<DeliveryRow[]> {
    const { db } = this.database;
    return db.selectFrom('deliveries').selectAll().where('subject_id', '=', subscriptionId).orderBy('seq').execute();
  }

  /** Resolves when the subscription's deliveries are all over. */
  async settled(subscriptionId: string): Promise<DeliveryRow[]> {
    let rows: DeliveryRow[] = [];
    await until(async () => {
      rows = await this.deliveries(subscriptionId);
      return rows.length > 0 && rows.every(({ state }) => state !== 'pending' && state !== 'claimed');
    });
    return rows;
  }

  async metric(name: string): Promise<number> {
    const { text } = await this.stage.ask('/metrics', { as: 'admin' });
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? NaN);
  }
}

/** Asks again and again, for what can only be asked. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
